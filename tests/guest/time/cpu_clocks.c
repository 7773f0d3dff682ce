// CPU clocks count work, not sleep; the clock of a child's process can be read by its PID.
#include "guest.h"
static long long at(clockid_t clock)
{
    struct timespec t;
    MUST(clock_gettime(clock, &t));
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}
int main(void)
{
    long long before = at(CLOCK_PROCESS_CPUTIME_ID);
    pause_ms(100);
    say("sleep costs little: %d", at(CLOCK_PROCESS_CPUTIME_ID) - before < 50 * MS);
    before = at(CLOCK_PROCESS_CPUTIME_ID);
    long long thread = at(CLOCK_THREAD_CPUTIME_ID);
    burn_ms(30);
    say("work counts: %d %d", at(CLOCK_PROCESS_CPUTIME_ID) - before >= 25 * MS,
        at(CLOCK_THREAD_CPUTIME_ID) - thread >= 25 * MS);
    clockid_t clock;
    say("own clock: %s", err(clock_getcpuclockid(0, &clock)));
    say("readable: %d", at(clock) > 0);
    say("no such process: %s", err(clock_getcpuclockid(99999999, &clock)));
    return 0;
}
