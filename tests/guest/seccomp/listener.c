// The listener: a supervisor answers, lets through, interrupts and gives descriptors (seccomp_unotify(2)).
#include "guest.h"
#include "seccomp.h"
#include <sys/ioctl.h>
#define RECV _IOWR('!', 0, struct notif)
#define SEND _IOWR('!', 1, struct resp)
#define VALID _IOW('!', 2, uint64_t)
#define ADDFD _IOW('!', 3, struct addfd)
struct notif { uint64_t id; uint32_t pid, flags; struct seccomp_data data; };
struct resp { uint64_t id; int64_t val; int32_t error; uint32_t flags; };
struct addfd { uint64_t id; uint32_t flags, srcfd, newfd, newfd_flags; };
static void handler(int number) { }
static char notes[2000];
/* The child speaks at its end: the parent's lines come first. */
#define note(...) sprintf(notes + strlen(notes), __VA_ARGS__), strcat(notes, "\n")
static void child(int link)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    long fd = MUST(FORBID(8, SYS_getppid, 0x7fc00000));
    note("cloexec %d", fcntl(fd, F_GETFD));
    note("a second listener: %s", outcome(FORBID(8, SYS_getpgrp, 0x7fc00000)));
    write(link, &(int){ fd }, sizeof(int));
    char go;
    read(link, &go, 1);
    close(fd);
    for (int i = 0; i < 3; i++) {
        errno = 0;
        long got = syscall(SYS_getppid, 11, 22, 33);
        note("getppid: %s", got == -1 ? err(errno) : got == 4711 ? "4711" : "real");
    }
    long got = syscall(SYS_getppid);
    note("a descriptor: %d", fcntl(got, F_GETFD));
    char text[20] = "";
    pread(got, text, 5, 0);
    note("%s", text);
    note("descriptor 40: %d, flags %d", (int)syscall(SYS_getppid), fcntl(40, F_GETFD));
    struct sigaction action = { .sa_handler = handler };
    sigaction(SIGALRM, &action, 0);
    alarm(1);
    got = syscall(SYS_getppid);
    note("interrupted: %s", got == -1 ? err(errno) : "answered");
    got = syscall(SYS_getppid);
    note("after the listener: %s", got == -1 ? err(errno) : "answered");
    write(1, notes, strlen(notes));
    _exit(5);
}
static long answer(int fd, uint64_t id, int64_t val, int error, unsigned flags)
{
    struct resp resp = { id, val, error, flags };
    return ioctl(fd, SEND, &resp);
}
int main(void)
{
    int pair[2], theirs;
    struct stat st;
    setbuf(stdout, 0);
    MUST(syscall(SYS_socketpair, 1, 1, 0, pair));
    int pid = fork();
    if (!pid)
        child(pair[1]);
    read(pair[0], &theirs, sizeof theirs);
    int pidfd = MUST(syscall(SYS_pidfd_open, pid, 0)), fd = MUST(syscall(SYS_pidfd_getfd, pidfd, theirs, 0));
    char link[100] = "", path[50];
    sprintf(path, "/proc/self/fd/%d", fd);
    readlink(path, link, 99);
    say("%s", link);
    struct pollfd poll_fd = { fd, POLLIN | POLLOUT };
    say("poll %d %x", poll(&poll_fd, 1, 0), poll_fd.revents);
    write(pair[0], "g", 1);
    struct notif notif = { .flags = 1 };
    TRYAS("receive into something", ioctl(fd, RECV, &notif));
    poll(&poll_fd, 1, -1);
    say("poll %x", poll_fd.revents);
    memset(&notif, 0, sizeof notif);
    TRYAS("receive", ioctl(fd, RECV, &notif));
    say("pid %d flags %d nr %d arch %x args %d %d %d", notif.pid == (unsigned)pid, notif.flags, notif.data.nr,
        notif.data.arch, (int)notif.data.args[0], (int)notif.data.args[1], (int)notif.data.args[2]);
    poll(&poll_fd, 1, -1);
    say("poll %x", poll_fd.revents);
    uint64_t wrong = notif.id + 1000;
    TRYAS("valid", ioctl(fd, VALID, &notif.id));
    TRYAS("not valid", ioctl(fd, VALID, &wrong));
    TRYAS("wrong id", answer(fd, wrong, 0, 0, 0));
    TRYAS("wrong flags", answer(fd, notif.id, 0, 0, 2));
    TRYAS("continue with a value", answer(fd, notif.id, 1, 0, 1));
    TRYAS("answer", answer(fd, notif.id, 4711, 0, 0));
    memset(&notif, 0, sizeof notif);
    MUST(ioctl(fd, RECV, &notif));
    TRYAS("error", answer(fd, notif.id, 0, -EXDEV, 0));
    memset(&notif, 0, sizeof notif);
    MUST(ioctl(fd, RECV, &notif));
    TRYAS("continue", answer(fd, notif.id, 0, 0, 1));
    int file = syscall(SYS_memfd_create, "x", 0);
    write(file, "given", 5);
    memset(&notif, 0, sizeof notif);
    MUST(ioctl(fd, RECV, &notif));
    struct addfd add = { notif.id, 0, file, 9, 0 };
    TRYAS("a number without SETFD", ioctl(fd, ADDFD, &add));
    add.newfd = 0;
    add.newfd_flags = 1;
    TRYAS("wrong descriptor flags", ioctl(fd, ADDFD, &add));
    add.newfd_flags = 0;
    add.flags = 4;
    TRYAS("wrong flags", ioctl(fd, ADDFD, &add));
    add.flags = 0;
    add.srcfd = 99;
    TRYAS("no such file", ioctl(fd, ADDFD, &add));
    add.srcfd = file;
    int got = ioctl(fd, ADDFD, &add);
    say("added %d", got >= 0);
    TRYAS("answer with it", answer(fd, notif.id, got, 0, 0));
    memset(&notif, 0, sizeof notif);
    MUST(ioctl(fd, RECV, &notif));
    add = (struct addfd){ notif.id, 3, file, 40, O_CLOEXEC };
    say("added as %d", ioctl(fd, ADDFD, &add));
    memset(&notif, 0, sizeof notif);
    MUST(ioctl(fd, RECV, &notif));
    struct timespec nap = { 2, 0 };
    nanosleep(&nap, 0);
    TRYAS("the interrupted one", ioctl(fd, VALID, &notif.id));
    memset(&notif, 0, sizeof notif);
    MUST(ioctl(fd, RECV, &notif));
    close(fd);
    int status;
    waitpid(pid, &status, 0);
    say("exit %d", WEXITSTATUS(status));
    return 0;
}
