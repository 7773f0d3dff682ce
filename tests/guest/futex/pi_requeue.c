// FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI: conditions whose waiters go on with a PI lock.
#include "futex_pi.h"
static int cond, lock, lock2, plain;
static struct worker w[4];
static int run(struct worker *self, int command)
{
    struct timespec limit;
    (void)self;
    switch (command) {
    case 1:
        return futex(&cond, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &lock, 0);
    case 2:
        return futex(&lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
    case 3:
        return futex(&cond, FUTEX_WAIT, 0, NULL, NULL, 0);
    case 4:
        clock_gettime(CLOCK_MONOTONIC, &limit);
        limit.tv_nsec += 100 * MS, limit.tv_sec += limit.tv_nsec / 1000000000, limit.tv_nsec %= 1000000000;
        return futex(&cond, FUTEX_WAIT_REQUEUE_PI, 0, &limit, &lock, 0);
    case 5:
        return futex(&cond, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &lock2, 0);
    }
    return futex(&lock, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
}
static void show(const char *what)
{
    char line[200], *at = line;
    int owner = -1, tid = lock & FUTEX_TID_MASK;
    for (int i = 0; i < 4; i++)
        owner = w[i].tid == tid ? i : owner;
    if (tid == gettid())
        owner = 9;
    at += sprintf(at, "%s: lock %d%s,", what, owner, lock & FUTEX_WAITERS ? " waiters" : "");
    for (int i = 0; i < 4; i++)
        at += sprintf(at, " %s", w[i].phase == 1 ? "waits" : w[i].phase == 2 ? err(w[i].error) : "-");
    say("%s", line);
}
static long requeue(int wake, long count)
{
    return futex(&cond, FUTEX_CMP_REQUEUE_PI, wake, (void *)count, &lock, cond);
}
static void until_back(int i)
{
    while (w[i].phase != 2)
        sched_yield();
}
static void all_leave(void)
{
    for (int round = 0; round < 5; round++) {
        if ((lock & FUTEX_TID_MASK) == gettid())
            futex(&lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
        for (int i = 0; i < 4; i++)
            if ((lock & FUTEX_TID_MASK) == w[i].tid) {
                until_back(i);
                order(&w[i], 2);
                w[i].phase = 0;
            }
    }
    lock = 0;
}
static void nothing(int number) { (void)number; }
int main(void)
{
    for (int i = 0; i < 4; i++)
        start_worker(&w[i], i, run);
    TRY(futex(&cond, FUTEX_WAIT_REQUEUE_PI, 1, NULL, &lock, 0));
    TRY(futex(&cond, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &cond, 0));
    TRY(futex(&cond, FUTEX_WAIT_REQUEUE_PI, 0, NULL, NULL, 0));
    TRY(futex(&cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, &lock, 7));
    TRY(futex(&cond, FUTEX_CMP_REQUEUE_PI, 0, (void *)1, &lock, 0));
    TRY(futex(&cond, FUTEX_CMP_REQUEUE_PI, 2, (void *)1, &lock, 0));
    TRY(futex(&cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)-1, &lock, 0));
    TRY(futex(&cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, &cond, 0));
    say("nobody: %ld", requeue(1, 10));
    order(&w[0], 1), order(&w[1], 1), order(&w[2], 1);
    show("three wait");
    TRY(futex(&cond, FUTEX_WAKE, 1, NULL, NULL, 0));
    TRY(futex(&cond, FUTEX_REQUEUE, 0, (void *)1, &plain, 0));
    TRY(futex(&cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, &lock2, 0));
    say("the lock is free: %ld", requeue(1, 1));
    until_back(0);
    show("one has it, one is in line");
    order(&w[0], 2);
    until_back(1);
    show("the next has it");
    order(&w[1], 2);
    show("nobody has it");
    say("signal alone: %ld", requeue(1, 0));
    until_back(2);
    show("the last");
    all_leave();
    futex(&lock, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
    for (int i = 0; i < 4; i++)
        order(&w[i], 1);
    say("we have the lock: %ld", requeue(1, 2));
    show("some in line");
    say("the rest: %ld", requeue(1, 100));
    futex(&lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
    until_back(0);
    show("handed over");
    all_leave();
    /* others on the same word */
    order(&w[0], 3);
    TRYAS("plain waiter", requeue(1, 5));
    futex(&cond, FUTEX_WAKE, 1, NULL, NULL, 0);
    until_back(0);
    order(&w[0], 5);
    TRYAS("waiter of another lock", requeue(1, 5));
    say("its own %ld", futex(&cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, &lock2, 0));
    until_back(0);
    order(&w[0], 1), order(&w[1], 3);
    TRYAS("the second is plain", requeue(1, 5));
    until_back(0);
    show("the first has the lock all the same");
    futex(&cond, FUTEX_WAKE, 1, NULL, NULL, 0);
    until_back(1);
    all_leave();
    /* time limits and signals, before and after the requeue */
    order(&w[0], 4);
    until_back(0);
    show("timed out in the condition");
    futex(&lock, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
    order(&w[0], 4);
    say("%ld", requeue(1, 1));
    until_back(0);
    show("timed out in line");
    on_signal(SIGUSR1, nothing, 0);
    order(&w[0], 1);
    pthread_kill(w[0].thread, SIGUSR1);
    pause_ms(50);
    show("a signal in the condition");
    say("%ld", requeue(1, 1));
    pthread_kill(w[0].thread, SIGUSR1);
    until_back(0);
    show("a signal in line");
    order(&w[0], 9);
    pthread_kill(w[0].thread, SIGUSR1);
    pause_ms(50);
    show("a signal while locking");
    order(&w[1], 1);
    int word = w[1].tid;
    say("the waiter has it already: %s", outcome(futex(&cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, &lock, 0)));
    (void)word;
    _exit(0);
}
