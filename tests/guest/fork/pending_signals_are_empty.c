// Signals pending in the parent, for the process or the thread, are not pending in the child; the mask is inherited.
#include "guest.h"
int main(void)
{
    block(SIGSET(SIGUSR1, SIGUSR2, SIGRTMIN));
    kill(getpid(), SIGUSR1);
    raise(SIGUSR2);
    union sigval value = { .sival_int = 5 };
    sigqueue(getpid(), SIGRTMIN, value);
    sigset_t pending, mask;
    sigpending(&pending);
    say("parent pending: %d %d %d", sigismember(&pending, SIGUSR1), sigismember(&pending, SIGUSR2),
        sigismember(&pending, SIGRTMIN));
    pid_t pid = spawn();
    if (pid == 0) {
        sigpending(&pending);
        say("child pending: %d %d %d", sigismember(&pending, SIGUSR1), sigismember(&pending, SIGUSR2),
            sigismember(&pending, SIGRTMIN));
        sigprocmask(SIG_BLOCK, NULL, &mask);
        say("child blocks: %d %d %d %d", sigismember(&mask, SIGUSR1), sigismember(&mask, SIGUSR2),
            sigismember(&mask, SIGRTMIN), sigismember(&mask, SIGTERM));
        _exit(0);
    }
    reap(pid, "child");
    sigpending(&pending);
    say("parent still: %d %d %d", sigismember(&pending, SIGUSR1), sigismember(&pending, SIGUSR2),
        sigismember(&pending, SIGRTMIN));
    return 0;
}
