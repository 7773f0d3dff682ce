// A handler may leave by siglongjmp: the mask is as sigsetjmp saved it.
#include "guest.h"
#include <setjmp.h>
static sigjmp_buf back;
static void handler(int number) { siglongjmp(back, number); }
int main(void)
{
    on_signal(SIGUSR1, handler, 0);
    for (volatile int i = 0; i < 3; i++) {
        int from = sigsetjmp(back, 1);
        if (from == 0)
            raise(SIGUSR1);
        sigset_t mask;
        sigprocmask(SIG_BLOCK, NULL, &mask);
        say("back from %s, blocked %d", sig(from), sigismember(&mask, SIGUSR1));
    }
    return 0;
}
