// nanosleep and clock_nanosleep: they last at least as long as asked; relative, absolute; their errors.
#include "guest.h"
static long ms_since(struct timespec a)
{
    struct timespec b;
    clock_gettime(CLOCK_MONOTONIC, &b);
    return (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
}
int main(void)
{
    struct timespec start, t = { 0, 30 * MS }, bad = { 0, 1000000000 }, negative = { -1, 0 }, zero = { 0, 0 };
    clock_gettime(CLOCK_MONOTONIC, &start);
    TRY(nanosleep(&t, NULL));
    long ms = ms_since(start);
    say("slept 30 ms or a little more: %d", ms >= 30 && ms < 1000);
    clock_gettime(CLOCK_MONOTONIC, &start);
    struct timespec until = start;
    until.tv_nsec += 30 * MS;
    until.tv_sec += until.tv_nsec / 1000000000, until.tv_nsec %= 1000000000;
    say("absolute: %s", err(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL)));
    ms = ms_since(start);
    say("slept till then: %d", ms >= 29 && ms < 1000);
    say("absolute past: %s", err(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &start, NULL)));
    TRY(nanosleep(&zero, NULL));
    TRY(nanosleep(&bad, NULL));
    TRY(nanosleep(&negative, NULL));
    TRYAS("bad address", syscall(SYS_nanosleep, 8, NULL));
    TRYAS("bad clock", syscall(SYS_clock_nanosleep, 99, 0, &t, NULL));
    TRYAS("thread's own clock", syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL));
    return 0;
}
