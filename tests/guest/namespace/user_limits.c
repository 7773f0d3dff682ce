// /proc/sys/user/max_*_namespaces: a limit for each user namespace and the ones below it; ENOSPC, and room again after.
// needs: root
#include "ns.h"
static void limit_inside(void)
{
    MUST(sys_unshare(CLONE_NEWUSER));
    MUST(put_file("/proc/self/uid_map", "0 0 1"));
    say("new: %s", get_file("/proc/sys/user/max_uts_namespaces"));
    TRYAS("set", put_file("/proc/sys/user/max_uts_namespaces", "2\n"));
    TRYAS("set nonsense", put_file("/proc/sys/user/max_uts_namespaces", "-1\n"));
    TRYAS("hostname by file", put_file("/proc/sys/kernel/hostname", "x\n"));
    say("now: %s", get_file("/proc/sys/user/max_uts_namespaces"));
    TRYAS("one", sys_unshare(CLONE_NEWUTS));
    int keep = MUST(ns_open("uts"));
    TRYAS("two", sys_unshare(CLONE_NEWUTS));
    TRYAS("three", sys_unshare(CLONE_NEWUTS));
    TRYAS("three by clone", sys_clone(CLONE_NEWUTS));
    close(keep);
    TRYAS("room again", sys_unshare(CLONE_NEWUTS));
    MUST(put_file("/proc/sys/user/max_uts_namespaces", "1\n"));
    MUST(sys_unshare(CLONE_NEWUSER));
    TRYAS("below, the limit above counts", sys_unshare(CLONE_NEWUTS));
    TRYAS("without a map", put_file("/proc/sys/user/max_uts_namespaces", "0\n"));
    say("its own: %s", get_file("/proc/sys/user/max_uts_namespaces"));
}
int main(void)
{
    pid_t pid = spawn();
    if (pid == 0) {
        limit_inside();
        _exit(0);
    }
    reap(pid, "child");
    say("overflow %s", get_file("/proc/sys/kernel/overflowuid"));
    pid = spawn();
    if (pid == 0) {
        MUST(setuid(1000));
        TRYAS("a user writes", open("/proc/sys/user/max_uts_namespaces", O_WRONLY));
        _exit(0);
    }
    reap(pid, "user");
    return 0;
}
