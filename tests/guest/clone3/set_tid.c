// set_tid asks for a PID: given if free, EEXIST if taken, EINVAL below 1.
// needs: root
#include "guest.h"
static const char *attempt(pid_t want, int *right)
{
    struct clone3_args args = { .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&want, .set_tid_size = 1 };
    long pid = clone3(&args, sizeof args);
    if (pid == 0)
        _exit(0);
    if (pid < 0)
        return err(errno);
    *right = pid == want;
    waitpid(pid, NULL, 0);
    return "ok";
}
int main(void)
{
    int right = 0;
    pid_t free_pid = spawn();
    if (free_pid == 0)
        _exit(0);
    waitpid(free_pid, NULL, 0);
    const char *result = attempt(free_pid, &right);
    say("free: %s %d", result, right);
    say("taken: %s", attempt(getpid(), &right));
    say("zero: %s", attempt(0, &right));
    say("negative: %s", attempt(-5, &right));
    say("one: %s", attempt(1, &right));
    return 0;
}
