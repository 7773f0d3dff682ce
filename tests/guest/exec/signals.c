// At exec handlers become the default, ignored signals stay ignored, the mask and pending signals stay,
// the alternate stack goes.
#include "guest.h"
static void handler(int number) { (void)number; }
int main(int argc, char **argv)
{
    if (argc > 1) {
        struct sigaction action;
        sigaction(SIGUSR1, NULL, &action);
        say("USR1 default: %d", action.sa_handler == SIG_DFL);
        sigaction(SIGUSR2, NULL, &action);
        say("USR2 ignored: %d", action.sa_handler == SIG_IGN);
        sigset_t mask, pending;
        sigprocmask(SIG_BLOCK, NULL, &mask);
        sigpending(&pending);
        say("TERM blocked %d, pending %d", sigismember(&mask, SIGTERM), sigismember(&pending, SIGTERM));
        stack_t stack;
        sigaltstack(NULL, &stack);
        say("altstack disabled: %d", stack.ss_flags == SS_DISABLE);
        sigset_t none;
        sigemptyset(&none);
        set_mask(none);
        say("not reached");
        return 0;
    }
    pid_t pid = spawn();
    if (pid == 0) {
        on_signal(SIGUSR1, handler, 0);
        on_signal(SIGUSR2, SIG_IGN, 0);
        stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 };
        sigaltstack(&stack, NULL);
        block(SIGSET(SIGTERM));
        raise(SIGTERM);
        char *args[] = { argv[0], "again", NULL };
        execv(argv[0], args);
        _exit(127);
    }
    reap(pid, "child");
    return 0;
}
