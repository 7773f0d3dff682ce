// The low byte is the signal sent to the parent; tasks with one other than SIGCHLD need __WCLONE or __WALL.
#include "raw_clone.h"
static volatile sig_atomic_t got;
static volatile int code, status;
static void handler(int number, siginfo_t *info, void *context)
{
    (void)context;
    got = number, code = info->si_code, status = info->si_status;
}
static int child(void *argument) { return *(int *)argument; }
int main(void)
{
    int value = 6;
    on_siginfo(SIGUSR1, handler, 0);
    on_siginfo(SIGCHLD, handler, 0);
    sigset_t old = block(SIGSET(SIGUSR1, SIGCHLD));
    pid_t pid = clone_run(SIGUSR1, child, &value);
    while (!got)
        sigsuspend(&old);
    say("signal %s code %d status %d", sig(got), code == CLD_EXITED, status);
    say("plain wait: %s", outcome(waitpid(pid, NULL, 0)));
    int result;
    say("with __WCLONE: %d %s", waitpid(pid, &result, __WCLONE) == pid, status_text(result));
    got = 0;
    pid = clone_run(0, child, &value);
    result = 0;
    say("no signal, __WALL: %d %s, got %d", waitpid(pid, &result, __WALL) == pid, status_text(result), got);
    pid = clone_run(SIGCHLD, child, &value);
    while (!got)
        sigsuspend(&old);
    say("SIGCHLD, __WCLONE: %s", outcome(waitpid(pid, NULL, __WCLONE)));
    say("SIGCHLD, plain: %d", waitpid(pid, &result, 0) == pid);
    return 0;
}
