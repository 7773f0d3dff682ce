// The clocks: order, resolution, agreement, errors.
#include "guest.h"
static long long at(clockid_t clock)
{
    struct timespec t;
    MUST(clock_gettime(clock, &t));
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}
int main(void)
{
    const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
                                 CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME };
    for (int i = 0; i < NELEM(clocks); i++) {
        long long a = at(clocks[i]), b = at(clocks[i]);
        struct timespec resolution;
        int result = clock_getres(clocks[i], &resolution);
        say("clock %d: never backwards %d, resolution %s %d", clocks[i], b >= a, outcome(result),
            resolution.tv_sec == 0 && resolution.tv_nsec <= 10 * MS);
    }
    long long before = at(CLOCK_MONOTONIC), real = at(CLOCK_REALTIME);
    pause_ms(20);
    long long step = at(CLOCK_MONOTONIC) - before, real_step = at(CLOCK_REALTIME) - real;
    say("both clocks go on: %d %d", step >= 20 * MS, real_step >= 19 * MS);
    struct timeval tv;
    gettimeofday(&tv, NULL);
    say("gettimeofday agrees: %d", llabs(tv.tv_sec - at(CLOCK_REALTIME) / 1000000000) <= 1);
    say("time agrees: %d", llabs(time(NULL) - tv.tv_sec) <= 1);
    struct timespec t;
    TRYAS("bad clock", syscall(SYS_clock_gettime, 99, &t));
    TRYAS("bad clock resolution", syscall(SYS_clock_getres, 99, &t));
    TRYAS("bad address", syscall(SYS_clock_gettime, CLOCK_REALTIME, 8));
    TRYAS("set monotonic", syscall(SYS_clock_settime, CLOCK_MONOTONIC, &t));
    return 0;
}
