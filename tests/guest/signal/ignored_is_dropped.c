// A signal set to be ignored while pending is dropped; so is one whose default is to be ignored.
#include "guest.h"
static void handler(int number) { say("handler %s", sig(number)); }
static int is_pending(int number)
{
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, number);
}
int main(void)
{
    sigset_t old = block(SIGSET(SIGUSR1, SIGWINCH));
    on_signal(SIGUSR1, handler, 0);
    on_signal(SIGWINCH, handler, 0);
    raise(SIGUSR1);
    raise(SIGWINCH);
    say("pending %d %d", is_pending(SIGUSR1), is_pending(SIGWINCH));
    on_signal(SIGUSR1, SIG_IGN, 0);
    on_signal(SIGWINCH, SIG_DFL, 0);
    say("pending %d %d", is_pending(SIGUSR1), is_pending(SIGWINCH));
    raise(SIGWINCH);
    raise(SIGUSR1);
    say("blocked ones with the action ignore: %d %d", is_pending(SIGUSR1), is_pending(SIGWINCH));
    on_signal(SIGUSR1, handler, 0);
    set_mask(old);
    say("end");
    return 0;
}
