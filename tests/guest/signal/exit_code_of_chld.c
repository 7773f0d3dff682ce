// SIGCHLD's siginfo for exit, kill, stop and continuation; several deaths may give one signal.
#include "guest.h"
static volatile sig_atomic_t count;
static siginfo_t last;
static void handler(int number, siginfo_t *info, void *context) { (void)number, (void)context; count++; last = *info; }
int main(void)
{
    sigset_t old = block(SIGSET(SIGCHLD));
    on_siginfo(SIGCHLD, handler, 0);
    struct gate ready = new_gate();
    pid_t pid = spawn();
    if (pid == 0) {
        open_gate(ready);
        for (;;)
            pause();
    }
    pass_gate(ready);
    const int signals[] = { SIGSTOP, SIGCONT, SIGKILL };
    for (int i = 0; i < 3; i++) {
        count = 0;
        kill(pid, signals[i]);
        while (!count)
            sigsuspend(&old);
        say("%s: code %d status %s pid %d", sig(signals[i]), last.si_code, sig(last.si_status), last.si_pid == pid);
    }
    waitpid(pid, NULL, 0);
    count = 0;
    pid_t pids[3];
    for (int i = 0; i < 3; i++) {
        pids[i] = spawn();
        if (pids[i] == 0)
            _exit(i);
    }
    for (int i = 0; i < 3; i++)
        until_state(pids[i], 'Z');
    set_mask(old);
    say("three deaths, signals: %d", (int)count);
    while (wait(NULL) > 0) {
    }
    return 0;
}
