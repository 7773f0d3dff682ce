// CLONE_PIDFD for threads, with what it goes together, and what is left when the pointer is bad.
// needs: linux-6.14
#include "guest.h"
#include "raw_clone.h"
#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
static volatile int go;
static int in_thread(void *unused)
{
    (void)unused;
    while (!go)
        syscall(SYS_sched_yield);
    return 0;
}
static int lowest(void)
{
    int fd = MUST(dup(0));
    close(fd);
    return fd;
}
static void refused(const char *what, uint64_t flags, void *pidfd, void *parent_tid)
{
    struct clone3_args args = { .flags = flags, .exit_signal = flags & CLONE_THREAD ? 0 : SIGCHLD,
        .pidfd = (uintptr_t)pidfd, .parent_tid = (uintptr_t)parent_tid };
    int before = lowest();
    long pid = clone3(&args, sizeof args);
    if (pid == 0)
        _exit(0);
    int error = errno;
    if (pid > 0)
        waitpid(pid, NULL, 0);
    if (pid > 0 && pidfd)
        close(*(int *)pidfd);
    say("%s: %s, descriptors as before %d", what, pid > 0 ? "ok" : err(error), lowest() == before);
}
int main(void)
{
    int fd = -1, tid = 0;
    siginfo_t info;
    static char stack[65536] __attribute__((aligned(16)));
    pid_t pid = clone_on(stack + sizeof stack, THREAD | CLONE_PIDFD, in_thread, NULL, &fd, NULL);
    say("thread: %s, descriptor %d, close-on-exec %d", outcome(pid), fd > 2, fcntl(fd, F_GETFD));
    say("flags %#x", fcntl(fd, F_GETFL));
    struct pollfd p = { .fd = fd, .events = POLLIN };
    say("alive: %d", poll(&p, 1, 0));
    TRYAS("signal 0", syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
    TRYAS("wait", waitid(P_PIDFD, fd, &info, WEXITED));
    go = 1;
    int count = poll(&p, 1, -1);
    say("gone: %d %#x", count, p.revents);
    TRYAS("signal 0", syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));

    refused("plain", CLONE_PIDFD, &fd, NULL);
    refused("bad pointer", CLONE_PIDFD, (void *)8, NULL);
    refused("NULL", CLONE_PIDFD, NULL, NULL);
    refused("with the parent's TID elsewhere", CLONE_PIDFD | CLONE_PARENT_SETTID, &fd, &tid);
    refused("with the parent's TID in the same place", CLONE_PIDFD | CLONE_PARENT_SETTID, &fd, &fd);
    refused("with CLONE_DETACHED", CLONE_PIDFD | 0x400000, &fd, NULL);
    TRYAS("clone with CLONE_DETACHED", syscall(SYS_clone, CLONE_PIDFD | 0x400000 | SIGCHLD, 0, &fd, 0, 0));
    TRYAS("clone with CLONE_PARENT_SETTID", syscall(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, &fd, 0, 0));
    struct rlimit none = { (rlim_t)lowest(), 1024 };
    MUST(setrlimit(RLIMIT_NOFILE, &none));
    struct clone3_args args = { .flags = CLONE_PIDFD, .exit_signal = SIGCHLD, .pidfd = (uintptr_t)&fd };
    TRYAS("no descriptor left", clone3(&args, sizeof args));
    TRYAS("no child", wait(NULL));
    return 0;
}
