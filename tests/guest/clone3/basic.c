// clone3 as fork: exit signal, both TIDs and the pidfd are delivered.
#include "guest.h"
int main(void)
{
    static int parent_tid = -1, child_tid = -1, pidfd = -1;
    struct clone3_args args = {
        .flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_PIDFD,
        .pidfd = (uintptr_t)&pidfd,
        .child_tid = (uintptr_t)&child_tid,
        .parent_tid = (uintptr_t)&parent_tid,
        .exit_signal = SIGCHLD,
    };
    long pid = clone3(&args, sizeof args);
    if (pid == 0) {
        YES(child_tid == getpid());
        _exit(11);
    }
    reap(pid, "child");
    YES(parent_tid == pid);
    YES(child_tid == -1);
    YES(pidfd >= 0);
    YES(fcntl(pidfd, F_GETFD) == FD_CLOEXEC);
    return 0;
}
