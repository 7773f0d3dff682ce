// CLONE_PARENT_SETTID with a bad address is not an error; CLONE_PIDFD with one is EFAULT and makes no child.
#include "raw_clone.h"
int main(void)
{
    long pid = raw_clone(CLONE_PARENT_SETTID | SIGCHLD, NULL, (int *)8, NULL, 0);
    if (pid == 0)
        _exit(1);
    say("parent_tid: %s", pid > 0 ? "ok" : err(errno));
    reap(pid, "child");
    pid = raw_clone(CLONE_CHILD_SETTID | SIGCHLD, NULL, NULL, (int *)8, 0);
    if (pid == 0)
        _exit(2);
    say("child_tid: %s", pid > 0 ? "ok" : err(errno));
    reap(pid, "child");
    pid = raw_clone(CLONE_PIDFD | SIGCHLD, NULL, (int *)8, NULL, 0);
    if (pid == 0)
        _exit(3);
    say("pidfd: %s", pid > 0 ? "ok" : err(errno));
    say("no child: %s", outcome(wait(NULL)));
    int fd = dup(1);
    say("no descriptor used up: %d", fd == 3);
    return 0;
}
