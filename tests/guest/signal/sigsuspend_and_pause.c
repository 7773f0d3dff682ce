// sigsuspend swaps the mask, waits, runs the handler, puts the mask back; always EINTR.
#include "guest.h"
static void handler(int number)
{
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    say("in handler of %s: USR1 %d USR2 %d HUP %d", sig(number), sigismember(&mask, SIGUSR1),
        sigismember(&mask, SIGUSR2), sigismember(&mask, SIGHUP));
}
int main(void)
{
    on_signal(SIGUSR1, handler, SA_RESTART);
    on_signal(SIGUSR2, handler, SA_RESTART);
    block(SIGSET(SIGUSR1, SIGUSR2));
    raise(SIGUSR1);
    raise(SIGUSR2);
    sigset_t wait_mask = SIGSET(SIGUSR2, SIGHUP);
    TRY(sigsuspend(&wait_mask));
    sigset_t mask, pending;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    sigpending(&pending);
    say("after: USR1 %d USR2 %d HUP %d, USR2 pending %d", sigismember(&mask, SIGUSR1), sigismember(&mask, SIGUSR2),
        sigismember(&mask, SIGHUP), sigismember(&pending, SIGUSR2));
    return 0;
}
