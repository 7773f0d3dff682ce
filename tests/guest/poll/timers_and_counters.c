// timerfd: flags, relative and absolute times, ticks read, polls, fdinfo, ticks set by ioctl; eventfd at its limits.
#include "guest.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#define TFD_IOC_SET_TICKS_ _IOW('T', 0, uint64_t)
static uint64_t value;
static struct itimerspec in(long ms, long every)
{
    struct itimerspec t = { { every / 1000, every % 1000 * MS }, { ms / 1000, ms % 1000 * MS } };
    return t;
}
static void info(int fd)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    FILE *file = fopen(path, "r");
    while (fgets(line, sizeof line, file))
        if (!strncmp(line, "clockid", 7) || !strncmp(line, "ticks", 5) || !strncmp(line, "settime", 7) || !strncmp(line, "it_interval", 11) || !strncmp(line, "eventfd-count", 13) || !strncmp(line, "eventfd-sem", 11))
            line[strcspn(line, "\n")] = 0, say("  %s", line);
    fclose(file);
}
static int ready(int fd)
{
    struct pollfd p = { fd, POLLIN | POLLOUT, 0 };
    poll(&p, 1, 0);
    return p.revents;
}
int main(void)
{
    struct itimerspec t = in(30, 0), old, wrong = in(1, 0), zero = in(0, 0);
    wrong.it_value.tv_nsec = 1000000000;
    for (int clock = 0; clock < 12; clock++) {
        int fd = timerfd_create(clock, 0);
        say("clock %d: %s", clock, fd == -1 ? err(errno) : "ok");
        if (fd != -1)
            close(fd);
    }
    TRY(timerfd_create(CLOCK_MONOTONIC, 1));
    int fd = MUST(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)), p[2];
    MUST(pipe(p));
    TRY(timerfd_settime(fd, 8, &t, NULL));
    TRY(timerfd_settime(p[0], 0, &t, NULL));
    TRY(timerfd_settime(99, 0, &t, NULL));
    TRY(timerfd_settime(fd, 0, &wrong, NULL));
    TRY(timerfd_settime(fd, 0, (void *)8, NULL));
    TRY(timerfd_gettime(p[0], &t));
    TRY(timerfd_gettime(fd, (void *)8));
    TRYAS("not armed", read(fd, &value, 8));
    TRYAS("too short", read(fd, &value, 7));
    TRYAS("write", write(fd, &value, 8));
    info(fd);
    MUST(timerfd_settime(fd, 0, &t, &old));
    MUST(timerfd_gettime(fd, &old));
    say("counts down %d", old.it_value.tv_sec == 0 && old.it_value.tv_nsec > 0 && old.it_value.tv_nsec <= 30 * MS);
    TRYAS("not yet", read(fd, &value, 8));
    say("poll %x", ready(fd));
    pause_ms(60);
    say("poll %x", ready(fd));
    ssize_t first = read(fd, &value, 8);
    say("read %zd: %d", first, (int)value);
    TRYAS("once", read(fd, &value, 8));
    MUST(timerfd_gettime(fd, &old));
    say("disarmed %d", !old.it_value.tv_sec && !old.it_value.tv_nsec);
    t = in(20, 10);
    MUST(timerfd_settime(fd, 0, &t, NULL));
    pause_ms(75);
    ssize_t n = read(fd, &value, 8);
    say("several ticks %zd: %d", n, value >= 6);
    pause_ms(25);
    info(-1 == fcntl(fd, F_GETFD) ? 0 : fd);
    MUST(timerfd_settime(fd, 0, &zero, &old));
    say("interval was %ld ms, disarmed: %s", old.it_interval.tv_nsec / MS, outcome(read(fd, &value, 8)));
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    struct itimerspec abs = { { 0, 0 }, now };
    MUST(timerfd_settime(fd, TFD_TIMER_ABSTIME, &abs, NULL));
    pause_ms(5);
    say("in the past: %zd", read(fd, &value, 8));
    abs.it_interval.tv_nsec = 100 * MS, abs.it_value.tv_sec = now.tv_sec ? now.tv_sec - 1 : 0;
    MUST(timerfd_settime(fd, TFD_TIMER_ABSTIME, &abs, NULL));
    pause_ms(5);
    n = read(fd, &value, 8);
    say("a second ago each 100 ms: %zd, %d", n, now.tv_sec ? value >= 10 : value >= 1);
    MUST(timerfd_settime(fd, 0, &zero, NULL));
    int real = MUST(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK));
    clock_gettime(CLOCK_REALTIME, &now);
    abs.it_value = now, abs.it_value.tv_sec += 1000, abs.it_interval.tv_nsec = 0;
    TRY(timerfd_settime(real, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &abs, NULL));
    info(real);
    TRY(timerfd_settime(real, TFD_TIMER_CANCEL_ON_SET, &abs, NULL));
    TRY(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &zero, NULL));
    t = in(100000, 0);
    MUST(timerfd_settime(fd, 0, &t, NULL));
    value = 0;
    TRYAS("no ticks", ioctl(fd, TFD_IOC_SET_TICKS_, &value));
    value = 5;
    TRYAS("five ticks", ioctl(fd, TFD_IOC_SET_TICKS_, &value));
    n = read(fd, &value, 8);
    say("%zd %d", n, n == 8 ? (int)value : -1);
    TRYAS("another ioctl", ioctl(fd, FIONREAD, &value));
    /* blocking, a child, an edge */
    fcntl(fd, F_SETFL, 0);
    t = in(50, 0);
    MUST(timerfd_settime(fd, 0, &t, NULL));
    pid_t pid = spawn();
    if (!pid) {
        read(fd, &value, 8);
        _exit(value);
    }
    reap(pid, "a child waits");
    TRYAS("taken", (fcntl(fd, F_SETFL, O_NONBLOCK), read(fd, &value, 8)));
    int ep = epoll_create1(0);
    struct epoll_event e = { EPOLLIN | EPOLLET, { 0 } };
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
    t = in(10, 40);
    MUST(timerfd_settime(fd, 0, &t, NULL));
    say("edges %d %d %d", epoll_wait(ep, &e, 1, 1000), epoll_wait(ep, &e, 1, 0), epoll_wait(ep, &e, 1, 1000));
    /* eventfd at its limits */
    int ev = MUST(eventfd(0xffffffff, EFD_NONBLOCK));
    say("eventfd %x", ready(ev));
    value = UINT64_MAX - 1 - 0xffffffff;
    n = write(ev, &value, 8);
    say("up to the most %zd, %x", n, ready(ev));
    info(ev);
    value = 1;
    TRYAS("one more", write(ev, &value, 8));
    value = UINT64_MAX;
    TRYAS("not a number", write(ev, &value, 8));
    value = 0;
    say("nothing %zd", write(ev, &value, 8));
    TRYAS("seven bytes", write(ev, &value, 7));
    TRYAS("nine bytes", write(ev, &t, 9));
    fcntl(ev, F_SETFL, 0);
    pid = spawn();
    if (!pid) {
        value = 2;
        _exit(write(ev, &value, 8));
    }
    until_state(pid, 'S');
    n = read(ev, &value, 8);
    say("all %zd %d", n, value == UINT64_MAX - 1);
    reap(pid, "the writer goes on");
    say("%zd", read(ev, &value, 8));
    say("two %d", (int)value);
    int sem = MUST(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK));
    info(sem);
    n = read(sem, &value, 8);
    say("one %zd %d", n, (int)value);
    char big[16];
    say("a larger buffer %zd", read(sem, big, 16));
    TRYAS("none", read(sem, &value, 8));
    TRYAS("lseek", lseek(sem, 0, SEEK_SET));
    TRYAS("pread", pread(sem, &value, 8, 0));
    TRY(eventfd(0, 0x100));
    return 0;
}
