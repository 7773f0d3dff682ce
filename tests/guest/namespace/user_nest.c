// Nesting of user namespaces: the limit, owners and parents by ioctl, setns up and down.
// needs: root
#include "ns.h"
static int limit_of_nesting(void)
{
    for (int depth = 1; depth < 60; depth++)
        if (sys_unshare(CLONE_NEWUSER)) {
            say("depth %d: %s", depth, err(errno));
            return depth;
        } else if (put_file("/proc/self/uid_map", "0 0 1") || put_file("/proc/self/setgroups", "deny")
                   || put_file("/proc/self/gid_map", "0 0 1")) {
            say("depth %d: map %s", depth, err(errno));
            return depth;
        }
    return -1;
}
static void *sleeper(void *arg)
{
    pause();
    return arg;
}
int main(void)
{
    pid_t pid = spawn();
    if (pid == 0) {
        limit_of_nesting();
        _exit(0);
    }
    reap(pid, "nest");
    pid = spawn();
    if (pid == 0) {
        TRYAS("unmapped, first", sys_unshare(CLONE_NEWUSER));
        TRYAS("unmapped, second", sys_unshare(CLONE_NEWUSER));
        _exit(0);
    }
    reap(pid, "unmapped");
    pid = spawn();
    if (pid == 0) {
        MUST(chroot("/tmp"));
        TRYAS("in a chroot", sys_unshare(CLONE_NEWUSER));
        _exit(0);
    }
    reap(pid, "chroot");
    int top = MUST(ns_open("user"));
    struct gate made = new_gate(), go = new_gate();
    pid = MUST(sys_clone(CLONE_NEWUSER | CLONE_NEWUTS));
    if (pid == 0) {
        open_gate(made);
        pass_gate(go);
        int me = MUST(ns_open("user"));
        TRYAS("own parent", ioctl(me, NS_GET_PARENT));
        TRYAS("owner of my uts", ioctl(ns_open("uts"), NS_GET_USERNS));
        TRYAS("owner of the machine's net", ioctl(ns_open("net"), NS_GET_USERNS));
        TRYAS("setns up", sys_setns(top, 0));
        TRYAS("setns to itself", sys_setns(me, 0));
        _exit(0);
    }
    pass_gate(made);
    int user = MUST(ns_open_of(pid, "user")), uts = MUST(ns_open_of(pid, "uts"));
    int parent = MUST(ioctl(user, NS_GET_PARENT));
    say("its parent is ours: %d", fd_ino(parent) == fd_ino(top));
    int owner = MUST(ioctl(uts, NS_GET_USERNS));
    say("its uts is owned by it: %d", fd_ino(owner) == fd_ino(user));
    uid_t uid = 1;
    MUST(ioctl(user, NS_GET_OWNER_UID, &uid));
    say("made by user %d", (int)uid);
    int pidfd = MUST(syscall(SYS_pidfd_open, pid, 0));
    pid_t inside = spawn();
    if (inside == 0) {
        TRYAS("enter uts alone", sys_setns(uts, 0));
        TRYAS("enter both by pidfd", sys_setns(pidfd, CLONE_NEWUSER | CLONE_NEWUTS));
        say("there: user %d uts %d", ns_ino("user") == fd_ino(user), ns_ino("uts") == fd_ino(uts));
        TRYAS("and back", sys_setns(top, CLONE_NEWUSER));
        _exit(0);
    }
    reap(inside, "inside");
    inside = spawn();
    if (inside == 0) {
        MUST(setuid(1000));
        TRYAS("another user enters", sys_setns(user, 0));
        _exit(0);
    }
    reap(inside, "another user");
    inside = spawn();
    if (inside == 0) {
        pthread_t thread;
        pthread_create(&thread, 0, sleeper, 0);
        TRYAS("a threaded process", sys_setns(user, 0));
        TRYAS("unshare of a threaded process", sys_unshare(CLONE_NEWUSER));
        TRYAS("its uts", sys_unshare(CLONE_NEWUTS));
        _exit(0);
    }
    reap(inside, "threads");
    open_gate(go);
    reap(pid, "child");
    TRYAS("NEWUSER with FS", sys_clone(CLONE_NEWUSER | CLONE_FS));
    TRYAS("NEWUSER with THREAD", sys_clone(CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM));
    return 0;
}
