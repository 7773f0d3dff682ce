// CLONE_VFORK without CLONE_VM: the parent waits, memory is a copy. With CLONE_VM it is vfork.
#include "raw_clone.h"
static volatile int data = 1;
static int child(void *argument)
{
    struct timespec t = { 0, 10 * MS };
    syscall(SYS_nanosleep, &t, NULL);
    data = 2;
    *(volatile int *)argument = 1;
    syscall(SYS_exit, 4);
    return 0;
}
int main(void)
{
    int *done = shared(4096);
    pid_t pid = clone_run(CLONE_VFORK | SIGCHLD, child, done);
    say("copied: child was first %d, data %d", *done, data);
    reap(pid, "child");
    *done = 0;
    pid = clone_run(CLONE_VFORK | CLONE_VM | SIGCHLD, child, done);
    say("shared: child was first %d, data %d", *done, data);
    reap(pid, "child");
    return 0;
}
