// fork in a handler that runs on the alternate stack: the child is on it, too, and leaves it.
#include "guest.h"
static volatile pid_t pid = -2;
static char *low;
static void handler(int number)
{
    (void)number;
    char here;
    pid = fork();
    stack_t now;
    sigaltstack(NULL, &now);
    if (pid == 0)
        say("child in handler: on stack %d, flag %d", &here >= low && &here < low + 65536, now.ss_flags == SS_ONSTACK);
}
int main(void)
{
    stack_t stack = { .ss_sp = low = malloc(65536), .ss_size = 65536 }, now;
    MUST(sigaltstack(&stack, NULL));
    on_signal(SIGUSR1, handler, SA_ONSTACK);
    raise(SIGUSR1);
    sigaltstack(NULL, &now);
    if (pid == 0) {
        say("child after: flags %d", now.ss_flags);
        _exit(4);
    }
    reap(pid, "child");
    say("parent after: flags %d", now.ss_flags);
    return 0;
}
