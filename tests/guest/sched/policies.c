// Scheduling policies and parameters: defaults, ranges, errors.
#include "guest.h"
struct sched { int priority; };
static long setscheduler(pid_t pid, int policy, int priority)
{
    struct sched param = { priority };
    return syscall(SYS_sched_setscheduler, pid, policy, &param);
}
int main(void)
{
    struct sched param = { 77 };
    say("policy %ld", syscall(SYS_sched_getscheduler, 0));
    TRYAS("getparam", syscall(SYS_sched_getparam, 0, &param));
    say("priority %d", param.priority);
    const int policies[] = { 0, 1, 2, 3, 4, 5, 6 };
    for (int i = 0; i < NELEM(policies); i++) {
        long low = syscall(SYS_sched_get_priority_min, policies[i]), high;
        const char *error = outcome(low);
        high = syscall(SYS_sched_get_priority_max, policies[i]);
        say("policy %d: %s %ld %ld", policies[i], error, low, high);
    }
    TRYAS("batch", setscheduler(0, 3, 0));
    say("policy %ld", syscall(SYS_sched_getscheduler, 0));
    TRYAS("idle", setscheduler(0, 5, 0));
    TRYAS("other with priority", setscheduler(0, 0, 1));
    TRYAS("fifo without priority", setscheduler(0, 1, 0));
    TRYAS("fifo too high", setscheduler(0, 1, 100));
    TRYAS("unknown policy", setscheduler(0, 9, 0));
    TRYAS("no such process", setscheduler(99999999, 0, 0));
    TRYAS("negative pid", setscheduler(-1, 0, 0));
    TRYAS("no param", syscall(SYS_sched_setscheduler, 0, 0, NULL));
    TRYAS("getscheduler none", syscall(SYS_sched_getscheduler, 99999999));
    struct timespec t;
    TRYAS("rr interval", syscall(SYS_sched_rr_get_interval, 0, &t));
    return 0;
}
