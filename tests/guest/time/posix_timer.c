// timer_create and its kin: signal with value, overrun, relative and absolute, deletion, errors.
#include "guest.h"
static volatile sig_atomic_t count, value, code;
static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    count++, value = info->si_value.sival_int, code = info->si_code == SI_TIMER;
}
int main(void)
{
    on_siginfo(SIGUSR1, handler, 0);
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42 };
    int id = -1, second = -1;
    struct itimerspec spec = { .it_value = { 0, 5 * MS } }, now, off = { { 0 } };
    TRYAS("create", syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id));
    TRYAS("set", syscall(SYS_timer_settime, id, 0, &spec, NULL));
    while (!count)
        pause_ms(1);
    say("value %d code %d", (int)value, (int)code);
    syscall(SYS_timer_gettime, id, &now);
    say("left %ld %ld", (long)now.it_value.tv_sec, (long)now.it_value.tv_nsec);
    sigset_t old = block(SIGSET(SIGUSR1));
    count = 0;
    spec = (struct itimerspec){ { 0, 5 * MS }, { 0, 5 * MS } };
    syscall(SYS_timer_settime, id, 0, &spec, NULL);
    pause_ms(60);
    set_mask(old);
    say("one signal %d, overruns counted %d", count >= 1, syscall(SYS_timer_getoverrun, id) >= 5);
    TRYAS("off", syscall(SYS_timer_settime, id, 0, &off, &now));
    say("interval was %ld", (long)now.it_interval.tv_nsec);
    TRYAS("delete", syscall(SYS_timer_delete, id));
    TRYAS("again", syscall(SYS_timer_delete, id));
    TRYAS("gettime", syscall(SYS_timer_gettime, id, &now));
    TRYAS("bad clock", syscall(SYS_timer_create, 99, &event, &second));
    event.sigev_signo = 99;
    TRYAS("bad signal", syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &second));
    event.sigev_notify = 77;
    TRYAS("bad notify", syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &second));
    TRYAS("default event", syscall(SYS_timer_create, CLOCK_REALTIME, NULL, &second));
    spec.it_value.tv_nsec = 1000000000;
    TRYAS("bad time", syscall(SYS_timer_settime, second, 0, &spec, NULL));
    return 0;
}
