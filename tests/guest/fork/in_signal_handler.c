// fork inside a signal handler: both return from the handler, the mask put back as it was.
#include "guest.h"
static volatile pid_t pid = -2;
static void handler(int number)
{
    (void)number;
    pid = fork();
}
int main(void)
{
    on_signal(SIGUSR1, handler, 0);
    raise(SIGUSR1);
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    if (pid == 0) {
        say("child: blocked %d", sigismember(&mask, SIGUSR1));
        on_signal(SIGUSR1, SIG_DFL, 0);
        raise(SIGUSR1);
        say("not reached");
    }
    reap(pid, "child");
    say("parent: blocked %d", sigismember(&mask, SIGUSR1));
    return 0;
}
