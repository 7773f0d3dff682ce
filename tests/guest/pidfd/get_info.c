// PIDFD_GET_INFO and the descriptors for a process's namespaces.
// needs: linux-6.16 root
#include "guest.h"
#include <grp.h>
#include <sys/ioctl.h>
struct info {
    uint64_t mask, cgroupid;
    uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
    int32_t exit_code;
    uint32_t rest[18];
};
static struct info info;
static int get(int fd, unsigned size, uint64_t mask)
{
    memset(&info, 0x55, sizeof info);
    info.mask = mask;
    return ioctl(fd, 0xC0000000u | size << 16 | 0xFF0B, &info);
}
static void show(const char *what, int fd, unsigned size, uint64_t mask)
{
    if (get(fd, size, mask) == -1) {
        say("%s, size %u, mask %#x: %s", what, size, (unsigned)mask, err(errno));
        return;
    }
    say("%s, size %u, mask %#x: mask %#x, numbers %d %d %d, users %u %u %u %u, groups %u %u %u %u, cgroup %d, exit %#x, rest %#x %#x",
        what, size, (unsigned)mask, (unsigned)info.mask, info.pid != 0, info.tgid == info.pid,
        info.ppid == (uint32_t)getpid(), info.ruid, info.euid, info.suid, info.fsuid, info.rgid, info.egid, info.sgid,
        info.fsgid, info.cgroupid != 0 && info.cgroupid != 0x5555555555555555, info.exit_code, info.rest[0], info.rest[1]);
}
static void namespaces(const char *what, int fd, int arg)
{
    for (int number = 1; number <= 10; number++) {
        int ns = ioctl(fd, 0xFF00 | number, arg);
        say("%s, namespace %d: %s, type %#x, close-on-exec %d", what, number, outcome(ns), ns < 0 ? 0 : ioctl(ns, 0xB703),
            ns < 0 ? 0 : fcntl(ns, F_GETFD));
        close(ns);
    }
}
int main(void)
{
    siginfo_t siginfo;
    int self = MUST(syscall(SYS_pidfd_open, getpid(), 0)), fds[2];
    unsigned sizes[] = { 0, 8, 60, 63, 64, 65, 68, 72, 80, 128 };
    for (int i = 0; i < NELEM(sizes); i++)
        show("self", self, sizes[i], 0);
    for (int bit = 0; bit < 5; bit++)
        show("self", self, 72, 1u << bit);
    TRYAS("NULL", ioctl(self, 0xC040FF0B, 0));
    TRYAS("bad pointer", ioctl(self, 0xC040FF0B, 8));
    MUST(pipe(fds));
    TRYAS("of a pipe", ioctl(fds[0], 0xC040FF0B, &info));
    TRYAS("unknown", ioctl(self, 0xFF0C, 0));
    namespaces("self", self, 0);
    namespaces("with an argument", self, 1);

    pid_t pid = spawn();
    if (pid == 0) {
        MUST(setgroups(0, NULL));
        MUST(setresgid(11, 12, 13));
        MUST(setresuid(21, 22, 23));
        MUST(write(fds[1], "x", 1));
        int parent = MUST(syscall(SYS_pidfd_open, getppid(), 0));
        show("another user's", parent, 64, 2);
        namespaces("another user's", parent, 0);
        _exit(3);
    }
    int fd = MUST(syscall(SYS_pidfd_open, pid, 0));
    char c;
    MUST(read(fds[0], &c, 1));
    MUST(waitid(P_PIDFD, fd, &siginfo, WEXITED | WNOWAIT));
    show("zombie", fd, 64, 2 | 8);
    namespaces("zombie", fd, 0);
    MUST(waitid(P_PIDFD, fd, &siginfo, WEXITED));
    show("reaped", fd, 64, 2 | 8);
    show("reaped", fd, 64, 2);
    show("reaped", fd, 72, 16);
    namespaces("reaped", fd, 0);
    pid = spawn();
    if (pid == 0)
        for (;;)
            pause();
    fd = MUST(syscall(SYS_pidfd_open, pid, 0));
    MUST(kill(pid, SIGKILL));
    MUST(waitid(P_PIDFD, fd, &siginfo, WEXITED));
    show("killed", fd, 64, 8);
    return 0;
}
