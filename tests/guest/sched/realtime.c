// FIFO and RR by root: inherited by fork unless SCHED_RESET_ON_FORK; a higher one runs first.
// needs: root
#include "guest.h"
struct sched { int priority; };
static long set(int policy, int priority)
{
    struct sched param = { priority };
    return syscall(SYS_sched_setscheduler, 0, policy, &param);
}
static void show(const char *who)
{
    struct sched param = { 0 };
    syscall(SYS_sched_getparam, 0, &param);
    say("%s: policy %#lx priority %d", who, syscall(SYS_sched_getscheduler, 0), param.priority);
}
int main(void)
{
    TRYAS("fifo", set(1, 10));
    show("parent");
    pid_t pid = spawn();
    if (pid == 0) {
        show("child");
        _exit(0);
    }
    reap(pid, "child");
    TRYAS("rr, reset on fork", set(2 | 0x40000000, 20));
    show("parent");
    pid = spawn();
    if (pid == 0) {
        show("child");
        _exit(0);
    }
    reap(pid, "child");
    return 0;
}
