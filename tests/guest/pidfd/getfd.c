// pidfd_getfd takes a descriptor of another process: the same open file, close-on-exec.
#include "guest.h"
int main(void)
{
    int *box = shared(4096);
    struct gate ready = new_gate(), end = new_gate();
    pid_t pid = spawn();
    if (pid == 0) {
        int fd[2];
        MUST(pipe(fd));
        box[0] = fd[0];
        write(fd[1], "from the child", 14);
        open_gate(ready);
        pass_gate(end);
        _exit(0);
    }
    pass_gate(ready);
    int pidfd = MUST(syscall(SYS_pidfd_open, pid, 0));
    int fd = MUST(syscall(SYS_pidfd_getfd, pidfd, box[0], 0));
    char text[32] = "";
    read(fd, text, 31);
    say("read '%s', cloexec %d", text, fcntl(fd, F_GETFD));
    TRYAS("closed one", syscall(SYS_pidfd_getfd, pidfd, 500, 0));
    open_gate(end);
    reap(pid, "child");
    TRYAS("of the dead", syscall(SYS_pidfd_getfd, pidfd, 1, 0));
    return 0;
}
