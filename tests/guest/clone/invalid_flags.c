// Flag combinations that clone refuses with EINVAL, and ones it takes.
#include "raw_clone.h"
#define CASE(flags) attempt(#flags, flags)
static void attempt(const char *name, unsigned long flags)
{
    static int box;
    static char stack[65536] __attribute__((aligned(16)));
    (void)stack;
    long pid = raw_clone(flags, NULL, &box, &box, 0);
    if (pid == 0)
        _exit(0);
    say("%s: %s", name, pid > 0 ? "ok" : err(errno));
    if (pid > 0)
        waitpid(pid, NULL, __WALL);
}
int main(void)
{
    CASE(CLONE_SIGHAND | SIGCHLD);
    CASE(CLONE_THREAD | SIGCHLD);
    CASE(CLONE_THREAD | CLONE_SIGHAND | SIGCHLD);
    CASE(CLONE_THREAD | CLONE_VM | SIGCHLD);
    CASE(CLONE_NEWNS | CLONE_FS | SIGCHLD);
    CASE(CLONE_NEWUSER | CLONE_FS | SIGCHLD);
    CASE(CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD);
    CASE(CLONE_PIDFD | CLONE_DETACHED | SIGCHLD);
    CASE(CLONE_FS | SIGCHLD);
    CASE(CLONE_FILES | SIGCHLD);
    CASE(CLONE_IO | SIGCHLD);
    CASE(CLONE_SYSVSEM | SIGCHLD);
    CASE(CLONE_UNTRACED | SIGCHLD);
    CASE(CLONE_PTRACE | SIGCHLD);
    CASE(CLONE_DETACHED | SIGCHLD);
    CASE(CLONE_PARENT_SETTID | SIGCHLD);
    CASE(CLONE_CHILD_SETTID | SIGCHLD);
    CASE(CLONE_CHILD_CLEARTID | SIGCHLD);
    CASE(200);
    return 0;
}
