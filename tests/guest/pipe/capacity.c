// 65536 bytes fit; then EAGAIN or a wait; F_SETPIPE_SZ, FIONREAD, partial writes.
#include "guest.h"
#include <sys/ioctl.h>
int main(void)
{
    int fd[2], n = 0;
    static char data[200000];
    MUST(pipe2(fd, O_NONBLOCK));
    while (write(fd[1], data, 4096) == 4096)
        n++;
    say("%d pages, then %s", n, err(errno));
    int waiting = 0;
    ioctl(fd[0], FIONREAD, &waiting);
    say("waiting %d", waiting);
    say("read %zd", read(fd[0], data, 6000));
    TRY(write(fd[1], data, 1));
    say("write of 100000: %zd", write(fd[1], data, 100000));
    say("size %d", fcntl(fd[1], F_GETPIPE_SZ));
    while (read(fd[0], data, sizeof data) > 0) {
    }
    say("set 5000: %d", fcntl(fd[1], F_SETPIPE_SZ, 5000));
    say("set 1 MiB: %d", fcntl(fd[1], F_SETPIPE_SZ, 1 << 20));
    fcntl(fd[1], F_SETFL, 0);
    pid_t pid = spawn();
    if (pid == 0) {
        close(fd[0]);
        say("big write: %zd", write(fd[1], data, sizeof data));
        _exit(0);
    }
    close(fd[1]);
    fcntl(fd[0], F_SETFL, 0);
    ssize_t total = 0, got;
    while ((got = read(fd[0], data, 7000)) > 0)
        total += got;
    say("total %zd", total);
    reap(pid, "writer");
    return 0;
}
