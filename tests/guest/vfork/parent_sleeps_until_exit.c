// The parent stays in vfork until the child ends: an event order that only blocking gives.
#include "guest.h"
static volatile int order;
int main(void)
{
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    pid_t pid = vfork();
    if (pid == 0) {
        struct timespec t = { 0, 50 * MS };
        syscall(SYS_nanosleep, &t, NULL);
        order = 1;
        _exit(0);
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    long ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
    say("child was first %d, parent slept at least 50 ms: %d", order, ms >= 50);
    reap(pid, "child");
    return 0;
}
