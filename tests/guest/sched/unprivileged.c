// needs: root
// Another user may not be rescheduled, nothing may be raised without a limit that allows it.
#include "guest.h"
static long setscheduler(pid_t pid, int policy, int priority) { return syscall(SYS_sched_setscheduler, pid, policy, &priority); }
int main(void)
{
    pid_t parent = getpid();
    unsigned long mask = 1;
    struct rlimit limit;
    MUST(setscheduler(0, 0, 0));
    if (spawn() == 0) {
        MUST(setgid(65534));
        MUST(setuid(65534));
        TRY(setscheduler(parent, 0, 0));
        TRY(setscheduler(0, 1, 5));
        TRY(setscheduler(0, 0, 0));
        TRY(setscheduler(0, 3, 0));
        TRY(setscheduler(0, 0x40000000, 0));
        TRY(setscheduler(0, 0x40000003, 0));
        TRY(setscheduler(0, 0, 0));
        TRY(syscall(SYS_sched_setaffinity, parent, 8, &mask));
        TRY(setpriority(PRIO_PROCESS, parent, 5));
        TRY(setpriority(PRIO_PROCESS, 0, 5));
        TRY(setpriority(PRIO_PROCESS, 0, 4));
        TRY(setpriority(PRIO_USER, 65534, 6));
        say("nice %d", getpriority(PRIO_PROCESS, 0));
        TRY(syscall(SYS_ioprio_set, 1, 0, 1 << 13));
        TRY(syscall(SYS_ioprio_set, 1, parent, 2 << 13));
        TRY(prlimit(parent, RLIMIT_NOFILE, NULL, &limit));
        TRY(getrlimit(RLIMIT_NOFILE, &limit));
        limit.rlim_max++;
        TRY(setrlimit(RLIMIT_NOFILE, &limit));
        TRY(sethostname("x", 1));
        TRY(syscall(SYS_reboot, 1, 2, 3, 4));
        struct timespec t = { 1, 0 };
        TRY(clock_settime(CLOCK_REALTIME, &t));
        TRY(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &t));
        TRY(prctl(PR_CAPBSET_DROP, 5, 0, 0, 0));
        TRY(prctl(PR_SET_SECUREBITS, 1, 0, 0, 0));
        TRY(syscall(SYS_get_robust_list, parent, &mask, &mask));
        TRY(setscheduler(0, 5, 0));
        TRY(setscheduler(0, 0x40000000, 0));
        _exit(0);
    }
    wait(NULL);
    return 0;
}
