// SA_RESETHAND: the handler runs once, then the default action is back.
#include "guest.h"
static void handler(int number) { say("handler %s", sig(number)); }
int main(void)
{
    pid_t pid = spawn();
    if (pid == 0) {
        on_signal(SIGUSR1, handler, SA_RESETHAND);
        raise(SIGUSR1);
        struct sigaction action;
        sigaction(SIGUSR1, NULL, &action);
        say("default again %d, flag still there %d", action.sa_handler == SIG_DFL, !!(action.sa_flags & SA_RESETHAND));
        raise(SIGUSR1);
        _exit(0);
    }
    reap(pid, "child");
    return 0;
}
