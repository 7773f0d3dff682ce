// needs: linux-6.13
// POSIX timers: the pending signal of one set anew or deleted is dropped; ignored ones go on; IDs count up.
#include "guest.h"
static volatile sig_atomic_t count, overrun;
static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    count++, overrun = info->si_overrun;
}
static int create(int clock, int notify, int number, int *id)
{
    struct sigevent event = { .sigev_notify = notify, .sigev_signo = number };
    return syscall(SYS_timer_create, clock, &event, id);
}
static int set(int id, long value, long interval)
{
    struct itimerspec spec = { { 0, interval }, { value / 1000000000, value % 1000000000 } };
    return syscall(SYS_timer_settime, id, 0, &spec, NULL);
}
static int is_pending(int number)
{
    sigset_t set;
    sigpending(&set);
    return sigismember(&set, number);
}
int main(void)
{
    int id, other;
    struct itimerspec now;
    on_siginfo(SIGRTMIN, handler, 0);
    MUST(create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN, &id));
    TRY(create(CLOCK_MONOTONIC, SIGEV_SIGNAL, 65, &other));
    TRY(create(CLOCK_MONOTONIC, SIGEV_NONE, 65, &other));
    say("a refused event uses an ID up: %d %d", id, other);
    sigset_t old = block(SIGSET(SIGRTMIN, SIGUSR1));

    MUST(set(id, 5 * MS, 0));
    pause_ms(30);
    say("pending %d", is_pending(SIGRTMIN));
    syscall(SYS_timer_gettime, id, &now);
    say("nothing left: %ld", (long)now.it_value.tv_nsec);
    MUST(set(id, 100000 * MS, 0));
    say("set anew: pending %d", is_pending(SIGRTMIN));
    MUST(set(id, 5 * MS, 0));
    pause_ms(30);
    MUST(syscall(SYS_timer_delete, id));
    say("deleted: pending %d", is_pending(SIGRTMIN));
    set_mask(old);
    say("handled %d", (int)count);

    on_signal(SIGUSR1, SIG_IGN, 0);
    MUST(create(CLOCK_REALTIME, SIGEV_SIGNAL, SIGUSR1, &id));
    MUST(set(id, 5 * MS, 5 * MS));
    pause_ms(50);
    on_siginfo(SIGUSR1, handler, 0);
    pause_ms(50);
    say("no longer ignored: %d", count > 0);
    MUST(set(id, 0, 0));

    MUST(set(other, 20 * MS, 10 * MS));
    pause_ms(60);
    syscall(SYS_timer_gettime, other, &now);
    say("a timer that tells nobody: %d left, %ld", now.it_value.tv_nsec > 0, (long)now.it_interval.tv_nsec);
    say("overruns %ld", syscall(SYS_timer_getoverrun, other));

    if (spawn() == 0) {
        struct itimerval real;
        TRYAS("child", syscall(SYS_timer_gettime, other, &now));
        getitimer(ITIMER_REAL, &real);
        say("child's first ID %d", create(CLOCK_MONOTONIC, SIGEV_NONE, 0, &id) == 0 ? id : -1);
        _exit(0);
    }
    wait(NULL);
    return 0;
}
