// CLONE_CLEAR_SIGHAND: handlers become the default, ignored signals stay ignored.
#include "guest.h"
static void handler(int number) { (void)number; }
static const char *now(int number)
{
    struct sigaction action;
    sigaction(number, NULL, &action);
    return action.sa_handler == SIG_DFL ? "default" : action.sa_handler == SIG_IGN ? "ignored" : "handler";
}
int main(void)
{
    on_signal(SIGUSR1, handler, 0);
    on_signal(SIGUSR2, SIG_IGN, 0);
    struct clone3_args args = { .flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD };
    long pid = clone3(&args, sizeof args);
    if (pid == 0) {
        say("child: USR1 %s, USR2 %s, HUP %s", now(SIGUSR1), now(SIGUSR2), now(SIGHUP));
        _exit(0);
    }
    reap(pid, "child");
    say("parent: USR1 %s", now(SIGUSR1));
    return 0;
}
