// What poll reports of pipes, files, closed descriptors; timeouts; errors.
#include "guest.h"
static void show(const char *what, int fd, int events)
{
    struct pollfd p = { .fd = fd, .events = events };
    int n = poll(&p, 1, 0);
    say("%s: %d %s%s%s%s%s", what, n, p.revents & POLLIN ? "IN " : "", p.revents & POLLOUT ? "OUT " : "",
        p.revents & POLLHUP ? "HUP " : "", p.revents & POLLERR ? "ERR " : "", p.revents & POLLNVAL ? "NVAL " : "");
}
int main(void)
{
    int fd[2], file = MUST(open("file", O_CREAT | O_RDWR, 0600));
    MUST(pipe(fd));
    show("empty pipe", fd[0], POLLIN);
    show("its writer", fd[1], POLLOUT);
    write(fd[1], "x", 1);
    show("filled", fd[0], POLLIN);
    show("not asked", fd[0], 0);
    show("file", file, POLLIN | POLLOUT);
    show("closed", 99, POLLIN);
    show("negative", -1, POLLIN);
    close(fd[1]);
    show("writer gone, data left", fd[0], POLLIN);
    char c;
    read(fd[0], &c, 1);
    show("writer gone", fd[0], POLLIN);
    pipe(fd);
    close(fd[0]);
    show("reader gone", fd[1], POLLOUT);
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    int n = poll(NULL, 0, 30);
    clock_gettime(CLOCK_MONOTONIC, &b);
    long ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
    say("timeout: %d, long enough %d", n, ms >= 29);
    TRYAS("bad array", syscall(SYS_poll, 8, 1, 0));
    struct rlimit limit = { 10, 10 };
    setrlimit(RLIMIT_NOFILE, &limit);
    struct pollfd many[20];
    memset(many, 0xff, sizeof many);
    TRYAS("more than the limit", poll(many, 11, 0));
    return 0;
}
