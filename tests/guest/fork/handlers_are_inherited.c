// Handlers, ignored signals and the alternate stack are inherited; a change in the child is not seen by the parent.
#include "guest.h"
static volatile sig_atomic_t count;
static void handler(int number) { count += number; }
int main(void)
{
    on_signal(SIGUSR1, handler, SA_RESTART);
    on_signal(SIGUSR2, SIG_IGN, 0);
    stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 }, now;
    MUST(sigaltstack(&stack, NULL));
    pid_t pid = spawn();
    if (pid == 0) {
        struct sigaction action;
        sigaction(SIGUSR1, NULL, &action);
        say("USR1: handler %d restart %d", action.sa_handler == handler, !!(action.sa_flags & SA_RESTART));
        sigaction(SIGUSR2, NULL, &action);
        say("USR2 ignored: %d", action.sa_handler == SIG_IGN);
        sigaltstack(NULL, &now);
        say("altstack: same %d size %d flags %d", now.ss_sp == stack.ss_sp, (int)now.ss_size, now.ss_flags);
        raise(SIGUSR1);
        say("count %d", (int)count);
        on_signal(SIGUSR1, SIG_DFL, 0);
        _exit(0);
    }
    reap(pid, "child");
    raise(SIGUSR1);
    say("parent's handler still there: %d", count == SIGUSR1);
    return 0;
}
