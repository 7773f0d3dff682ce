// During a handler its signal and sa_mask are blocked, but not with SA_NODEFER; after it the mask is as before.
#include "guest.h"
static int depth, deepest, raised;
static void handler(int number)
{
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    depth++;
    if (depth > deepest)
        deepest = depth;
    say("depth %d: USR1 %d USR2 %d HUP %d", depth, sigismember(&mask, SIGUSR1), sigismember(&mask, SIGUSR2),
        sigismember(&mask, SIGHUP));
    if (!raised++)
        raise(number);
    depth--;
}
int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct sigaction action = { .sa_handler = handler };
    sigaddset(&action.sa_mask, SIGUSR2);
    block(SIGSET(SIGHUP));
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    say("deepest %d", deepest);
    pid_t pid = spawn();
    if (pid == 0) {
        deepest = raised = 0;
        action.sa_flags = SA_NODEFER;
        sigaction(SIGUSR2, &action, NULL);
        sigemptyset(&action.sa_mask);
        action.sa_flags = SA_NODEFER;
        sigaction(SIGUSR1, &action, NULL);
        raise(SIGUSR1);
        _exit(deepest);
    }
    reap(pid, "child");
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    say("after: USR1 %d USR2 %d HUP %d", sigismember(&mask, SIGUSR1), sigismember(&mask, SIGUSR2),
        sigismember(&mask, SIGHUP));
    return 0;
}
