// setitimer: a periodic SIGALRM goes on after being merged with another; CPU itimers; values and errors.
#include "guest.h"
static volatile sig_atomic_t alarms, profs, virtuals, code;
static void handler(int number, siginfo_t *info, void *context)
{
    (void)context;
    code = info->si_code;
    *(number == SIGALRM ? &alarms : number == SIGPROF ? &profs : &virtuals) += 1;
}
static int set(int which, long value, long interval)
{
    struct itimerval timer = { { interval / 1000000, interval % 1000000 }, { value / 1000000, value % 1000000 } };
    return setitimer(which, &timer, NULL);
}
int main(void)
{
    struct itimerval now;
    on_siginfo(SIGALRM, handler, SA_RESTART);
    on_siginfo(SIGPROF, handler, SA_RESTART);
    on_siginfo(SIGVTALRM, handler, SA_RESTART);
    sigset_t old = block(SIGSET(SIGALRM));
    kill(getpid(), SIGALRM);
    set(ITIMER_REAL, 5000, 5000);
    pause_ms(30);
    set_mask(old);
    say("merged into one: %d", (int)alarms);
    pause_ms(40);
    say("goes on: %d, from the kernel %d", alarms > 2, code == SI_KERNEL);
    set(ITIMER_REAL, 0, 0);

    set(ITIMER_PROF, 10000, 0);
    set(ITIMER_VIRTUAL, 10000, 10000);
    pause_ms(40);
    say("asleep: %d %d", (int)profs, (int)virtuals);
    for (volatile long i = 0; !virtuals || !profs; i++) {
    }
    say("busy: %d %d", (int)profs, virtuals > 0);
    getitimer(ITIMER_VIRTUAL, &now);
    say("virtual interval %ld", (long)now.it_interval.tv_usec);
    set(ITIMER_VIRTUAL, 0, 0);

    set(ITIMER_REAL, 100700000, 3000500);
    getitimer(ITIMER_REAL, &now);
    say("interval %ld.%06ld", (long)now.it_interval.tv_sec, (long)now.it_interval.tv_usec);
    say("alarm says %u", alarm(7));
    getitimer(ITIMER_REAL, &now);
    say("alarm has no interval: %ld", (long)now.it_interval.tv_usec);
    set(ITIMER_REAL, 100400000, 0);
    say("alarm says %u", alarm(0));
    set(ITIMER_REAL, 400000, 0);
    say("alarm says %u", alarm(0));
    say("alarm says %u", alarm(4000000000u));
    say("alarm says %u", alarm(0));
    now = (struct itimerval){ { 0, 0 }, { 0, 1000000 } };
    TRY(setitimer(ITIMER_REAL, &now, NULL));
    now.it_value.tv_usec = -1;
    TRY(setitimer(ITIMER_REAL, &now, NULL));
    TRY(setitimer(3, NULL, NULL));
    TRY(syscall(SYS_setitimer, ITIMER_REAL, NULL, &now));
    TRY(syscall(SYS_setitimer, ITIMER_REAL, NULL, 8));
    TRY(syscall(SYS_setitimer, ITIMER_REAL, 8, NULL));
    TRY(syscall(SYS_getitimer, ITIMER_REAL, NULL));
    return 0;
}
