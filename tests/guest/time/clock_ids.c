// Every clock ID, of other processes and threads too: resolution, reading, setting, sleeping on it.
#include "guest.h"
static void look(const char *name, int id)
{
    struct timespec t = { 0, 0 }, zero = { 0, -1 };
    long result = syscall(SYS_clock_getres, id, &t);
    const char *error = outcome(result);
    say("%s: getres %s %ld", name, error, result ? 0 : t.tv_nsec);
    TRYAS(" gettime", syscall(SYS_clock_gettime, id, &t));
    if (id != CLOCK_REALTIME)
        TRYAS(" settime", syscall(SYS_clock_settime, id, &t));
    TRYAS(" sleep", syscall(SYS_clock_nanosleep, id, 0, &zero, NULL));
}
static int cpu_clock(pid_t pid, int kind) { return (int)(~(unsigned)pid << 3) | kind; }
int main(void)
{
    char name[32];
    for (int id = -9; id < 18; id++) {
        if (id == CLOCK_REALTIME_ALARM || id == CLOCK_BOOTTIME_ALARM)
            continue;
        snprintf(name, sizeof name, "clock %d", id);
        look(name, id);
    }
    for (int kind = 0; kind < 8; kind++) {
        snprintf(name, sizeof name, "own, kind %d", kind);
        look(name, cpu_clock(getpid(), kind));
        snprintf(name, sizeof name, "init's, kind %d", kind);
        if (kind > 3)
            look(name, cpu_clock(1, kind));
        snprintf(name, sizeof name, "nobody's, kind %d", kind);
        if (kind % 4 != 3)
            look(name, cpu_clock(99999999, kind));
    }
    TRY(syscall(SYS_clock_getres, CLOCK_MONOTONIC, NULL));
    TRY(syscall(SYS_clock_getres, 50, NULL));
    TRY(syscall(SYS_clock_getres, CLOCK_MONOTONIC, 8));
    TRY(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, NULL));
    TRY(syscall(SYS_clock_settime, CLOCK_MONOTONIC, 8));
    TRY(syscall(SYS_clock_settime, CLOCK_REALTIME, 8));
    struct timespec bad = { 0, 1000000000 }, negative = { -1, 0 }, short_one = { 0, 1 };
    TRY(syscall(SYS_clock_settime, CLOCK_REALTIME, &bad));
    TRY(syscall(SYS_nanosleep, &bad, NULL));
    TRY(syscall(SYS_nanosleep, &negative, NULL));
    TRY(syscall(SYS_nanosleep, NULL, NULL));
    TRY(syscall(SYS_nanosleep, &short_one, 8));
    TRY(syscall(SYS_gettimeofday, 8, NULL));
    TRY(syscall(SYS_gettimeofday, NULL, NULL));
    TRY(syscall(SYS_time, 8));
    TRY(syscall(SYS_times, 8));
    say("times: %d", syscall(SYS_times, NULL) > 0);
    return 0;
}
