// An alarm, an interval timer and POSIX timers of the parent do not exist in the child.
#include "guest.h"
int main(void)
{
    struct itimerval interval = { .it_value = { 1000, 0 }, .it_interval = { 5, 0 } };
    MUST(setitimer(ITIMER_REAL, &interval, NULL));
    struct itimerval virtual = { .it_value = { 500, 0 } };
    MUST(setitimer(ITIMER_VIRTUAL, &virtual, NULL));
    int id;
    struct sigevent event = { .sigev_notify = SIGEV_NONE };
    MUST(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id));
    pid_t pid = spawn();
    if (pid == 0) {
        struct itimerval now;
        getitimer(ITIMER_REAL, &now);
        say("real: %ld %ld", (long)now.it_value.tv_sec, (long)now.it_interval.tv_sec);
        getitimer(ITIMER_VIRTUAL, &now);
        say("virtual: %ld", (long)now.it_value.tv_sec);
        say("alarm: %u", alarm(0));
        struct itimerspec spec;
        TRYAS("timer_gettime", syscall(SYS_timer_gettime, id, &spec));
        _exit(0);
    }
    reap(pid, "child");
    unsigned left = alarm(0);
    say("parent's alarm still set: %d", left > 900 && left <= 1000);
    return 0;
}
