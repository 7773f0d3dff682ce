// CLONE_SIGHAND: one table of handlers; without it a copy. The mask is each task's own either way.
#include "raw_clone.h"
static void handler(int number) { (void)number; }
static int child(void *unused)
{
    (void)unused;
    on_signal(SIGUSR1, handler, 0);
    sigset_t set = SIGSET(SIGUSR2);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 8);
    return 0;
}
static void show(const char *when)
{
    struct sigaction action;
    sigset_t mask;
    sigaction(SIGUSR1, NULL, &action);
    sigprocmask(SIG_BLOCK, NULL, &mask);
    say("%s: handler %s, USR2 blocked %d", when, action.sa_handler == handler ? "set" : "default",
        sigismember(&mask, SIGUSR2));
}
int main(void)
{
    reap(clone_run(CLONE_VM | SIGCHLD, child, NULL), "copied");
    show("copied");
    reap(clone_run(CLONE_VM | CLONE_SIGHAND | SIGCHLD, child, NULL), "shared");
    show("shared");
    return 0;
}
