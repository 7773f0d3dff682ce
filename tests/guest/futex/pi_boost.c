// Priority inheritance: what /proc and the scheduler calls show, through chains, with changes while somebody waits.
// needs: root
#include "futex_pi.h"
#define LOCKS 4
static int word[LOCKS];
static struct worker w[5];
/* command: 100 * operation + lock */
static int run(struct worker *self, int command)
{
    int lock = command % 100;
    struct timespec limit;
    (void)self;
    switch (command / 100) {
    case 1:
        return futex(&word[lock], FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
    case 2:
        return futex(&word[lock], FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
    case 3:
        clock_gettime(CLOCK_MONOTONIC, &limit);
        limit.tv_nsec += 300 * MS, limit.tv_sec += limit.tv_nsec / 1000000000, limit.tv_nsec %= 1000000000;
        return futex(&word[lock], FUTEX_LOCK_PI2 | FUTEX_PRIVATE_FLAG, 0, &limit, NULL, 0);
    }
    struct sched_param param = { lock };
    return syscall(SYS_sched_setscheduler, 0, lock ? SCHED_FIFO : SCHED_OTHER, &param);
}
static void show(const char *what)
{
    say("-- %s", what);
    for (int i = 0; i < 5; i++) {
        struct sched_param param;
        syscall(SYS_sched_getparam, w[i].tid, &param);
        say("%d: runs at %ld, set to %ld %d policy %ld", i, stat_field(w[i].tid, 18), stat_field(w[i].tid, 40),
            param.sched_priority, syscall(SYS_sched_getscheduler, w[i].tid));
    }
}
static void set(int i, int priority)
{
    struct sched_param param = { priority };
    MUST(syscall(SYS_sched_setscheduler, w[i].tid, priority ? SCHED_RR : SCHED_OTHER, &param));
}
#define DO(i, op, lock) say("%d: %s %d: %s", i, #op, lock, order(&w[i], op * 100 + lock) ? outcome((errno = w[i].error, w[i].result)) : "waits")
#define LOCK 1
#define UNLOCK 2
#define TIMED 3
int main(void)
{
    for (int i = 0; i < 5; i++)
        start_worker(&w[i], i, run);
    set(1, 10), set(2, 20), set(3, 30), set(4, 40);
    show("at first");
    DO(0, LOCK, 0);
    DO(1, LOCK, 0);
    show("one waits");
    DO(3, LOCK, 0);
    show("a better one waits");
    set(3, 35);
    show("it gets better still");
    set(3, 5);
    show("now it is worse");
    set(3, 0);
    show("not real time at all");
    set(3, 30);
    set(0, 32);
    show("the owner is better itself");
    set(0, 3);
    show("and then not");
    DO(0, UNLOCK, 0);
    settle(&w[3]);
    show("handed to the best");
    DO(3, UNLOCK, 0);
    settle(&w[1]);
    show("handed to the last");
    set(0, 0);
    DO(0, LOCK, 1);
    DO(1, LOCK, 1);
    DO(2, LOCK, 2);
    DO(2, LOCK, 0);
    show("chain of two");
    DO(4, LOCK, 2);
    show("chain of three");
    DO(3, TIMED, 2);
    set(4, 15);
    show("the end of the chain changes");
    settle(&w[3]);
    while (w[3].phase != 2)
        pause_ms(10);
    say("timed out: %s", err(w[3].error));
    show("after the time-out");
    DO(0, LOCK, 2);
    DO(0, UNLOCK, 1);
    settle(&w[1]);
    show("chain moves on");
    DO(1, UNLOCK, 0);
    settle(&w[2]);
    DO(2, UNLOCK, 2);
    settle(&w[4]);
    show("and ends");
    /* a child does not inherit what is inherited */
    DO(2, UNLOCK, 0);
    DO(4, UNLOCK, 2);
    say("%ld", futex(&word[3], FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    DO(4, LOCK, 3);
    say("main runs at %ld", stat_field(gettid(), 18));
    pid_t pid = spawn();
    if (!pid) {
        say("child at %ld", stat_field(gettid(), 18));
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    say("%ld", futex(&word[3], FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    say("main runs at %ld", stat_field(gettid(), 18));
    return 0;
}
