// epoll: errors, nesting, descriptors and their copies, fork, fdinfo, time limits, the ioctl.
#include "guest.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
struct params { uint32_t usecs; uint16_t budget; uint8_t prefer, pad; };
#define EPIOCSPARAMS_ _IOW(0x8A, 1, struct params)
#define EPIOCGPARAMS_ _IOR(0x8A, 2, struct params)
static struct epoll_event got[4];
static int add(int ep, int fd, uint32_t events)
{
    struct epoll_event e = { events, { .u64 = 0x1122334455667700ULL + fd } };
    return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}
static void fdinfo(int ep)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", ep);
    for (int fd = 0; fd < 30; fd++) { /* the order of lines is the machine's business, as the inode's number */
        FILE *file = fopen(path, "r");
        while (fgets(line, sizeof line, file)) {
            char *ino = strstr(line, "ino:");
            if (!strncmp(line, "tfd:", 4) && ino && atoi(line + 4) == fd)
                ino[4] = 0, say("%s", line);
        }
        fclose(file);
    }
}
static long pwait2(int ep, struct timespec *t, sigset_t *mask) { return syscall(441, ep, got, 4, t, mask, 8L); }
static void nothing(int number) { (void)number; }
int main(void)
{
    int p[2], sets[8], file = MUST(open("f", O_CREAT | O_RDWR, 0600)), ev = MUST(eventfd(1, 0));
    struct epoll_event e = { EPOLLIN, { 0 } };
    MUST(pipe(p));
    int ep = MUST(epoll_create1(EPOLL_CLOEXEC));
    TRY(epoll_create(0));
    TRY(epoll_create1(1));
    TRY(epoll_ctl(ep, EPOLL_CTL_ADD, file, &e));
    TRY(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &e));
    TRY(epoll_ctl(p[0], EPOLL_CTL_ADD, ev, &e));
    TRY(epoll_ctl(99, EPOLL_CTL_ADD, ev, &e));
    TRY(epoll_ctl(ep, EPOLL_CTL_ADD, 99, &e));
    TRY(epoll_ctl(ep, EPOLL_CTL_ADD, ev, NULL));
    TRY(epoll_ctl(ep, 9, ev, &e));
    TRY(epoll_ctl(ep, 9, ev, NULL));
    TRY(epoll_ctl(ep, EPOLL_CTL_MOD, ev, &e));
    TRY(epoll_ctl(ep, EPOLL_CTL_DEL, ev, &e));
    TRY(epoll_wait(ep, got, 0, 0));
    TRY(epoll_wait(ep, got, -1, 0));
    TRY(epoll_wait(ep, got, INT_MAX, 0));
    TRY(epoll_wait(p[0], got, 1, 0));
    TRY(epoll_wait(99, got, 1, 0));
    TRY(epoll_wait(ep, (void *)8, 1, 0));
    add(ep, ev, EPOLLIN);
    TRY(epoll_wait(ep, (void *)8, 1, 0));
    say("still there %d", epoll_wait(ep, got, 1, 0));
    /* exclusive */
    e.events = EPOLLIN | EPOLLEXCLUSIVE;
    TRY(epoll_ctl(ep, EPOLL_CTL_MOD, ev, &e));
    TRY(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e));
    e.events = EPOLLIN;
    TRY(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &e));
    e.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT;
    TRY(epoll_ctl(ep, EPOLL_CTL_ADD, p[1], &e));
    e.events = EPOLLPRI | EPOLLEXCLUSIVE;
    TRY(epoll_ctl(ep, EPOLL_CTL_ADD, p[1], &e));
    fdinfo(ep);
    /* nesting */
    for (int i = 0; i < 8; i++)
        sets[i] = MUST(epoll_create1(0));
    TRY(add(sets[0], sets[1], EPOLLIN | EPOLLEXCLUSIVE));
    for (int i = 0; i < 7; i++)
        say("%d in %d: %s", i + 1, i, outcome(add(sets[i], sets[i + 1], EPOLLIN)));
    TRY(add(sets[4], sets[0], EPOLLIN));
    TRY(add(sets[1], sets[0], EPOLLIN));
    TRY(add(sets[4], ev, EPOLLIN));
    struct pollfd poll_set = { sets[0], POLLIN | POLLOUT, 0 };
    say("through all: %d %d %x", epoll_wait(sets[0], got, 4, 0), poll(&poll_set, 1, 0), poll_set.revents);
    uint64_t value;
    read(ev, &value, 8);
    say("and gone: %d %d", epoll_wait(sets[0], got, 4, 0), poll(&poll_set, 1, 0));
    /* descriptors */
    int copy = dup(p[0]);
    close(p[0]);
    write(p[1], "x", 1);
    say("closed, a copy lives: %d", epoll_wait(ep, got, 4, 0));
    TRY(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL));
    say("the copy is another: %s", outcome(add(ep, copy, EPOLLIN)));
    say("%d", epoll_wait(ep, got, 4, 0));
    pid_t pid = spawn();
    if (!pid) {
        close(copy);
        TRY(epoll_ctl(ep, EPOLL_CTL_DEL, copy, NULL));
        add(ep, ev, EPOLLOUT);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    say("the child's set is ours: %d", epoll_wait(ep, got, 4, 0));
    close(copy);
    say("the last copy: %d", epoll_wait(ep, got, 4, 0));
    fdinfo(ep);
    /* re-arming */
    write(ev, (uint64_t[1]){ 5 }, 8);
    int et = MUST(epoll_create1(0));
    add(et, ev, EPOLLIN | EPOLLET);
    say("edge %d %d", epoll_wait(et, got, 4, 0), epoll_wait(et, got, 4, 0));
    e.events = EPOLLIN | EPOLLET;
    epoll_ctl(et, EPOLL_CTL_MOD, ev, &e);
    say("armed anew %d %d", epoll_wait(et, got, 4, 0), epoll_wait(et, got, 4, 0));
    e.events = EPOLLIN | EPOLLONESHOT;
    epoll_ctl(et, EPOLL_CTL_MOD, ev, &e);
    say("one shot %d %d", epoll_wait(et, got, 4, 0), epoll_wait(et, got, 4, 0));
    fdinfo(et);
    epoll_ctl(et, EPOLL_CTL_MOD, ev, &e);
    say("armed anew %d", epoll_wait(et, got, 4, 0));
    /* time limits and masks */
    struct timespec zero = { 0, 0 }, short_time = { 0, 1 }, bad = { 0, 1000000000 }, negative = { -1, 0 };
    int empty = MUST(epoll_create1(0));
    say("none %ld %ld", pwait2(empty, &zero, NULL), pwait2(empty, &short_time, NULL));
    TRY(pwait2(empty, &bad, NULL));
    TRY(pwait2(empty, &negative, NULL));
    TRY(pwait2(empty, (void *)8, NULL));
    TRY(syscall(441, empty, got, 4, &zero, &bad, 4L));
    TRY(syscall(SYS_epoll_pwait, empty, got, 4, 0, &bad, 4L));
    on_signal(SIGUSR1, nothing, SA_RESTART);
    sigset_t old = block(SIGSET(SIGUSR1)), none = old, now;
    kill(getpid(), SIGUSR1);
    TRY(pwait2(empty, NULL, &none));
    sigprocmask(SIG_BLOCK, NULL, &now);
    say("blocked again %d", sigismember(&now, SIGUSR1));
    kill(getpid(), SIGUSR1);
    write(ev, (uint64_t[1]){ 1 }, 8);
    e.events = EPOLLIN;
    epoll_ctl(et, EPOLL_CTL_MOD, ev, &e);
    say("ready wins %ld", pwait2(et, NULL, &none));
    struct timespec poll_time = { 0, 0 };
    sigset_t waits = SIGSET(SIGUSR1);
    say("taken by the handler %d", sigtimedwait(&waits, NULL, &poll_time) == -1);
    /* busy polling */
    struct params params = { 0, 0, 0, 0 };
    TRY(ioctl(ep, EPIOCGPARAMS_, &params));
    TRY(ioctl(ep, FIONREAD, &params));
    TRY(read(ep, &params, 8));
    TRY(lseek(ep, 0, SEEK_SET));
    return 0;
}
