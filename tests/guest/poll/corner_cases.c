// poll, ppoll, select and pselect: limits, bad descriptors, time that is left, masks that change atomically, stops.
#include "guest.h"
#include <sys/select.h>
static volatile int signals;
static void count(int number) { (void)number; signals++; }
static long ppoll_raw(struct pollfd *fds, unsigned n, struct timespec *t, sigset_t *mask, size_t size)
{
    return syscall(SYS_ppoll, fds, n, t, mask, size);
}
static long pselect_raw(int n, fd_set *r, struct timespec *t, void *sig)
{
    return syscall(SYS_pselect6, n, r, NULL, NULL, t, sig);
}
int main(void)
{
    int p[2];
    MUST(pipe(p));
    struct pollfd fds[4] = { { p[0], POLLIN, 99 }, { -1, POLLIN, 99 }, { 77, POLLIN, 99 }, { p[1], POLLOUT, 99 } };
    int ready = poll(fds, 4, 0);
    say("%d: %x %x %x %x", ready, fds[0].revents, fds[1].revents, fds[2].revents, fds[3].revents);
    fds[2].events = 0;
    ready = poll(&fds[2], 1, -1);
    say("no events asked for: %d %x", ready, fds[2].revents);
    struct rlimit r = { 20, 20 };
    MUST(setrlimit(RLIMIT_NOFILE, &r));
    struct pollfd many[64];
    for (int i = 0; i < 64; i++)
        many[i] = (struct pollfd){ p[0], POLLIN, 0 };
    TRY(poll(many, 20, 0));
    TRY(poll(many, 21, 0));
    TRY(poll((void *)8, 1, 0));
    say("nothing at all %d", poll(NULL, 0, 0));
    /* select: descriptors that are not open */
    fd_set set;
    struct timeval t = { 0, 0 };
    FD_ZERO(&set);
    FD_SET(19, &set);
    TRY(select(20, &set, NULL, NULL, &t));
    FD_ZERO(&set);
    FD_SET(500, &set);
    FD_SET(p[0], &set);
    TRY(select(501, &set, NULL, NULL, &t));
    say("bits beyond the table: %d", FD_ISSET(500, &set) != 0);
    TRY(select(-1, &set, NULL, NULL, &t));
    t.tv_sec = -1;
    TRY(select(0, NULL, NULL, NULL, &t));
    t.tv_sec = 0, t.tv_usec = 2000000;
    FD_ZERO(&set);
    FD_SET(p[1], &set);
    ready = select(20, NULL, &set, NULL, &t);
    say("microseconds carry over: %d, left %d", ready, t.tv_sec > 0);
    TRY(select(20, (void *)8, NULL, NULL, NULL));
    t.tv_sec = 0, t.tv_usec = 30000;
    FD_ZERO(&set);
    FD_SET(p[0], &set);
    ready = select(20, &set, NULL, NULL, &t);
    say("over: %d, left %d %d, set %d", ready, (int)t.tv_sec, (int)t.tv_usec, FD_ISSET(p[0], &set) != 0);
    /* signals and the time that is left */
    on_signal(SIGALRM, count, SA_RESTART);
    t.tv_sec = 100, t.tv_usec = 0;
    ualarm(30000, 0);
    FD_ZERO(&set);
    FD_SET(p[0], &set);
    TRY(select(20, &set, NULL, NULL, &t));
    say("left %d, set untouched %d", t.tv_sec >= 90 && t.tv_sec < 100, FD_ISSET(p[0], &set) != 0);
    ualarm(30000, 0);
    TRY(poll(fds, 1, -1));
    struct timespec ts = { 100, 0 };
    ualarm(30000, 0);
    TRY(ppoll_raw(fds, 1, &ts, NULL, 0));
    say("left %d", ts.tv_sec >= 90 && ts.tv_sec < 100);
    /* masks */
    sigset_t usr = SIGSET(SIGUSR1), old = block(usr), none, now;
    sigemptyset(&none);
    on_signal(SIGUSR1, count, SA_RESTART);
    TRY(ppoll_raw(fds, 1, NULL, &none, 4));
    struct { void *set; size_t size; } wrong = { &none, 4 }, right = { &none, 8 }, absent = { NULL, 99 };
    ts.tv_sec = 0;
    TRY(pselect_raw(0, NULL, &ts, &wrong));
    TRY(pselect_raw(0, NULL, &ts, &absent));
    TRY(pselect_raw(0, NULL, &ts, (void *)8));
    signals = 0;
    for (int i = 0; i < 50; i++) { /* pending before: delivered inside, never outside, never lost */
        kill(getpid(), SIGUSR1);
        int before = signals;
        long n = i % 2 ? ppoll_raw(fds, 1, NULL, &none, 8) : pselect_raw(0, NULL, NULL, &right);
        if (n != -1 || errno != EINTR || before != i || signals != i + 1)
            say("round %d: %ld %s, %d then %d", i, n, err(errno), before, signals);
        sigprocmask(SIG_BLOCK, NULL, &now);
        if (!sigismember(&now, SIGUSR1))
            say("round %d: not blocked again", i);
    }
    say("%d signals", signals);
    pid_t me = getpid(), pid = spawn();
    if (!pid) { /* one at any moment */
        for (int i = 0; i < 200; i++) {
            kill(me, SIGUSR1);
            for (volatile int k = 0; k < i * 37 % 5000; k++)
                ;
            if (i % 10 == 0)
                sched_yield();
        }
        _exit(0);
    }
    int outside = 0, inside = 0, status;
    signals = 0;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        int before = signals;
        ts.tv_nsec = 2 * MS, ts.tv_sec = 0;
        ppoll_raw(fds, 1, &ts, &none, 8);
        inside += signals - before;
        before = signals;
        getppid();
        outside += signals - before;
    }
    say("outside %d, inside %d", outside, inside > 0);
    write(p[1], "x", 1);
    kill(getpid(), SIGUSR1);
    signals = 0;
    ready = ppoll_raw(fds, 1, NULL, &none, 8);
    say("ready and pending: %d, %d", ready, signals);
    set_mask(old);
    say("then delivered %d", signals);
    read(p[0], &status, 1);
    /* a stop and a continuation do not end the wait, nor make it longer */
    pid = spawn();
    if (!pid) {
        struct timespec a, b;
        clock_gettime(CLOCK_MONOTONIC, &a);
        int n = poll(fds, 1, 300);
        clock_gettime(CLOCK_MONOTONIC, &b);
        long ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / MS;
        say("poll over a stop: %d, %s", n, ms >= 299 && ms < 2000 ? "in time" : "too long");
        clock_gettime(CLOCK_MONOTONIC, &a);
        struct timeval left = { 0, 300000 };
        n = select(0, NULL, NULL, NULL, &left);
        clock_gettime(CLOCK_MONOTONIC, &b);
        ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / MS;
        say("select over a stop: %d, %s", n, ms >= 299 && ms < 2000 ? "in time" : "too long");
        _exit(0);
    }
    for (int i = 0; i < 2; i++) {
        until_state(pid, 'S');
        pause_ms(i ? 100 : 50);
        kill(pid, SIGSTOP);
        until_state(pid, 'T');
        kill(pid, SIGCONT);
        pause_ms(i ? 0 : 300);
    }
    reap(pid, "stopped twice");
    return 0;
}
