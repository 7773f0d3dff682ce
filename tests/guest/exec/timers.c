// At exec POSIX timers go, interval timers stay.
#include "guest.h"
int main(int argc, char **argv)
{
    if (argc > 1) {
        struct itimerspec spec;
        TRYAS("POSIX timer", syscall(SYS_timer_gettime, atoi(argv[1]), &spec));
        unsigned left = alarm(0);
        say("alarm stays: %d", left > 900 && left <= 1000);
        return 0;
    }
    int id = 0;
    struct sigevent event = { .sigev_notify = SIGEV_NONE };
    MUST(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id));
    alarm(1000);
    char text[16];
    snprintf(text, sizeof text, "%d", id);
    char *args[] = { argv[0], text, NULL };
    execv(argv[0], args);
    return 1;
}
