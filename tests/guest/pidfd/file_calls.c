// What a pidfd is as a file: flags, inode, link, epoll, and the calls that it refuses.
// needs: linux-6.16 root
#include "guest.h"
#include <sys/epoll.h>
#include <sys/ioctl.h>
#define PIDFD_THREAD O_EXCL
#define PIDFD_NONBLOCK O_NONBLOCK
int main(void)
{
    siginfo_t info = { 0 };
    char path[64], text[128];
    pid_t pid = spawn();
    if (pid == 0)
        for (;;)
            pause();
    for (int bit = 0; bit < 32; bit++) {
        int fd = syscall(SYS_pidfd_open, pid, 1u << bit);
        if (fd != -1 || errno != EINVAL)
            say("flag %#x: %s", 1u << bit, outcome(fd));
        close(fd);
    }
    int fd = MUST(syscall(SYS_pidfd_open, pid, PIDFD_NONBLOCK));
    int thread = MUST(syscall(SYS_pidfd_open, pid, PIDFD_NONBLOCK | PIDFD_THREAD));
    TRYAS("wait", waitid(P_PIDFD, fd, &info, WEXITED));
    TRYAS("wait with WNOHANG", waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG));
    say("flags %#x %#x, close-on-exec %d", fcntl(fd, F_GETFL), fcntl(thread, F_GETFL), fcntl(fd, F_GETFD));
    MUST(fcntl(thread, F_SETFL, 0));
    say("flags %#x", fcntl(thread, F_GETFL));
    struct stat one, two;
    MUST(fstat(fd, &one));
    MUST(fstat(thread, &two));
    say("same inode %d, mode %o, size %ld, links %d", one.st_ino == two.st_ino && one.st_dev == two.st_dev, one.st_mode,
        (long)one.st_size, (int)one.st_nlink);
    int self = MUST(syscall(SYS_pidfd_open, getpid(), 0));
    MUST(fstat(self, &two));
    say("another process, another inode %d", one.st_ino != two.st_ino);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    text[MUST(readlink(path, text, sizeof text - 1))] = 0;
    say("%s", text);
    int again = open(path, O_RDWR);
    say("opened by its link: %s, flags %#x", outcome(again), fcntl(again, F_GETFL));

    TRY(fsync(self));
    TRY(fchmod(self, 0600));
    TRY(fchown(self, 1, 1));
    TRY(ioctl(self, 0x1234));
    TRY(lseek(self, 0, SEEK_SET));
    TRY(read(self, text, 1));
    TRY(write(self, text, 1));
    TRY(pread(self, text, 1, 0));
    TRY(pwrite(self, text, 1, 0));
    TRYAS("getdents64", syscall(SYS_getdents64, self, text, sizeof text));
    say("mmap: %s", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, self, 0) == MAP_FAILED ? err(errno) : "ok");

    int set = MUST(epoll_create1(0));
    struct epoll_event event = { .events = EPOLLIN | EPOLLET };
    MUST(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
    say("epoll: %d", epoll_wait(set, &event, 1, 0));
    MUST(kill(pid, SIGKILL));
    int count = epoll_wait(set, &event, 1, -1);
    say("epoll after the end: %d, events %#x", count, event.events);
    MUST(waitid(P_PIDFD, thread, &info, WEXITED));
    count = epoll_wait(set, &event, 1, -1);
    say("epoll after the wait: %d, events %#x", count, event.events);
    return 0;
}
