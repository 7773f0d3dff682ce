// futex_waitv: the index of the word that was woken, timeouts, and what it refuses.
#include "guest.h"
#include "futex.h"
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
struct waiter {
    uint64_t value, address;
    uint32_t flags, reserved;
};
static unsigned words[3];
static struct waiter waiters[3];
static void fill(unsigned flags)
{
    for (int i = 0; i < 3; i++)
        waiters[i] = (struct waiter){ 0, (uintptr_t)&words[i], flags, 0 };
}
static long waitv(unsigned count, unsigned flags, struct timespec *end, int clock)
{
    return syscall(SYS_futex_waitv, waiters, count, flags, end, clock);
}
static void *sleeper(void *result)
{
    *(long *)result = waitv(3, 0, NULL, 0);
    return NULL;
}
static void handler(int number) { (void)number; }
int main(void)
{
    struct timespec past = { 0, 1 }, soon;
    fill(2 | 128);
    for (int i = 0; i < 3; i++) {
        long result = -1;
        pthread_t thread;
        pthread_create(&thread, NULL, sleeper, &result);
        while (syscall(SYS_futex, &words[i], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0)
            pause_ms(1);
        pthread_join(thread, NULL);
        say("woken by %d: %ld", i, result);
    }
    say("nobody left: %ld", syscall(SYS_futex, &words[0], FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0));
    TRYAS("past", waitv(3, 0, &past, CLOCK_MONOTONIC));
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_sec += (soon.tv_nsec + 20 * MS) / 1000000000, soon.tv_nsec = (soon.tv_nsec + 20 * MS) % 1000000000;
    TRYAS("soon", waitv(3, 0, &soon, CLOCK_REALTIME));
    on_signal(SIGALRM, handler, 0);
    struct itimerval timer = { { 0, 0 }, { 0, 20000 } };
    setitimer(ITIMER_REAL, &timer, NULL);
    TRYAS("signal", waitv(3, 0, NULL, 0));
    words[2] = 1;
    TRYAS("changed", waitv(3, 0, NULL, 0));
    say("nobody left: %ld", syscall(SYS_futex, &words[0], FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0));
    words[2] = 0;
    TRYAS("none", waitv(0, 0, &past, 1));
    TRYAS("too many", waitv(129, 0, &past, 1));
    TRYAS("flags", waitv(3, 1, &past, 1));
    TRYAS("clock", waitv(3, 0, &past, 7));
    past.tv_nsec = -1;
    TRYAS("time", waitv(3, 0, &past, 1));
    past.tv_nsec = 1;
    fill(0);
    TRYAS("8 bits", waitv(3, 0, &past, 1));
    fill(2 | 64);
    TRYAS("unknown flag", waitv(3, 0, &past, 1));
    fill(2);
    TRYAS("shared", waitv(3, 0, &past, 1));
    waiters[1].reserved = 1;
    TRYAS("reserved", waitv(3, 0, &past, 1));
    fill(2);
    waiters[1].address++;
    TRYAS("not aligned", waitv(3, 0, &past, 1));
    waiters[1].address = 8;
    TRYAS("not mapped", waitv(3, 0, &past, 1));
    TRY(syscall(SYS_futex_waitv, NULL, 1, 0, NULL, 0));
    TRY(syscall(SYS_futex_waitv, 8, 1, 0, NULL, 0));
    return 0;
}
