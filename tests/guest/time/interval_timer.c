// setitimer: one shot, periodic, disarmed; the three kinds and their signals; errors.
#include "guest.h"
static volatile sig_atomic_t count[65];
static void handler(int number) { count[number]++; }
int main(void)
{
    on_signal(SIGALRM, handler, SA_RESTART);
    on_signal(SIGVTALRM, handler, SA_RESTART);
    on_signal(SIGPROF, handler, SA_RESTART);
    struct itimerval once = { .it_value = { 0, 10000 } }, often = { { 0, 5000 }, { 0, 5000 } }, off = { { 0 } }, old;
    setitimer(ITIMER_REAL, &once, NULL);
    while (!count[SIGALRM])
        pause_ms(1);
    getitimer(ITIMER_REAL, &old);
    say("once: %d, left %ld %ld", (int)count[SIGALRM], (long)old.it_value.tv_sec, (long)old.it_value.tv_usec);
    setitimer(ITIMER_REAL, &often, NULL);
    while (count[SIGALRM] < 4)
        pause_ms(1);
    setitimer(ITIMER_REAL, &off, &old);
    say("periodic, interval was %ld", (long)old.it_interval.tv_usec);
    int now = count[SIGALRM];
    pause_ms(20);
    say("off: no more %d", count[SIGALRM] == now);
    setitimer(ITIMER_VIRTUAL, &once, NULL);
    while (!count[SIGVTALRM])
        burn_ms(1);
    setitimer(ITIMER_PROF, &once, NULL);
    while (!count[SIGPROF])
        burn_ms(1);
    say("virtual %d, prof %d", (int)count[SIGVTALRM], (int)count[SIGPROF]);
    struct itimerval bad = { .it_value = { 0, 1000000 } };
    TRY(setitimer(ITIMER_REAL, &bad, NULL));
    TRY(setitimer(7, &once, NULL));
    TRY(getitimer(7, &old));
    TRYAS("bad address", syscall(SYS_setitimer, 0, 8, NULL));
    return 0;
}
