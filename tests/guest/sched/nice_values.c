// Nice: range, inheritance, getpriority by process and group, who may lower it.
#include "guest.h"
int main(void)
{
    setpgid(0, 0);
    say("at first %d", getpriority(PRIO_PROCESS, 0));
    TRY(setpriority(PRIO_PROCESS, 0, 5));
    say("now %d, raw %ld", getpriority(PRIO_PROCESS, 0), syscall(SYS_getpriority, PRIO_PROCESS, 0));
    pid_t pid = spawn();
    if (pid == 0)
        _exit(getpriority(PRIO_PROCESS, 0));
    reap(pid, "child");
    TRY(setpriority(PRIO_PROCESS, 0, 100));
    say("cut to %d", getpriority(PRIO_PROCESS, 0));
    say("group %d", getpriority(PRIO_PGRP, 0));
    errno = 0;
    TRY(getpriority(PRIO_PROCESS, 99999999));
    TRY(getpriority(7, 0));
    TRY(setpriority(7, 0, 0));
    TRY(setpriority(PRIO_PROCESS, 99999999, 0));
    errno = 0;
    say("nice: %s", nice(0) == 19 ? "ok" : err(errno));
    return 0;
}
