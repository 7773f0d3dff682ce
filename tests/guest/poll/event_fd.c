// eventfd: counter, semaphore, overflow, wait, poll.
#include "guest.h"
#include <sys/eventfd.h>
int main(void)
{
    uint64_t v = 0;
    int fd = MUST(eventfd(3, EFD_NONBLOCK));
    say("%zd %d", read(fd, &v, 8), (int)v);
    TRY(read(fd, &v, 8));
    v = 5, write(fd, &v, 8), write(fd, &v, 8);
    say("%zd %d", read(fd, &v, 8), (int)v);
    TRY(read(fd, &v, 4));
    v = -1;
    TRY(write(fd, &v, 8));
    v = -2;
    TRY(write(fd, &v, 8));
    v = 1;
    TRY(write(fd, &v, 8));
    struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
    poll(&p, 1, 0);
    say("full: in %d out %d", !!(p.revents & POLLIN), !!(p.revents & POLLOUT));
    int sem = MUST(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK));
    say("%zd %zd %zd", read(sem, &v, 8), read(sem, &v, 8), read(sem, &v, 8));
    int block = MUST(eventfd(0, 0));
    pid_t pid = spawn();
    if (pid == 0) {
        pause_ms(5);
        v = 9;
        write(block, &v, 8);
        _exit(0);
    }
    read(block, &v, 8);
    say("woken with %d", (int)v);
    waitpid(pid, NULL, 0);
    TRY(eventfd(0, 0x100));
    return 0;
}
