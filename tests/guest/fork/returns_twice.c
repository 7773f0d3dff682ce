// fork returns 0 in the child and the child's PID in the parent; the child's parent is the caller.
#include "guest.h"
int main(void)
{
    pid_t parent = getpid();
    int fd[2];
    MUST(pipe(fd));
    pid_t pid = MUST(fork());
    if (pid == 0) {
        YES(getpid() != parent);
        YES(getppid() == parent);
        YES(gettid() == getpid());
        YES(getpgrp() == getpgid(parent));
        YES(getsid(0) == getsid(parent));
        pid_t me = getpid();
        write(fd[1], &me, sizeof me);
        _exit(7);
    }
    pid_t told = 0;
    read(fd[0], &told, sizeof told);
    reap(pid, "child");
    YES(told == pid);
    YES(pid > 0);
    YES(getpid() == parent);
    return 0;
}
