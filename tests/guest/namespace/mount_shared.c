// Shared, slave, private and unbindable mounts: where a mount or umount shows up.
// needs: root
#include "mnt.h"
static void in_child(unsigned long flags, const char *name)
{
    pid_t pid = MUST(sys_clone(flags));
    if (pid == 0) {
        show_mounts(name);
        mkdir("s/fromchild", 0755);
        TRYAS("mount in the child", mount("fromchild", "s/fromchild", "tmpfs", 0, 0));
        _exit(0);
    }
    reap(pid, "child");
}
int main(void)
{
    start_mounts();
    mkdir("s", 0755), mkdir("p", 0755), mkdir("l", 0755), mkdir("q", 0755), mkdir("m", 0755), mkdir("x", 0755);
    MUST(mount("s", "s", "tmpfs", 0, 0));
    TRYAS("make shared", mount(0, "s", 0, MS_SHARED, 0));
    TRYAS("shared, not a mountpoint", mount(0, "p", 0, MS_SHARED, 0));
    TRYAS("two kinds", mount(0, "s", 0, MS_SHARED | MS_PRIVATE, 0));
    TRYAS("with another flag", mount(0, "s", 0, MS_SHARED | MS_NOSUID, 0));
    MUST(mount("s", "p", 0, MS_BIND, 0));
    MUST(mount("s", "l", 0, MS_BIND, 0));
    TRYAS("make slave", mount(0, "l", 0, MS_SLAVE, 0));
    MUST(mount("s", "q", 0, MS_BIND, 0));
    TRYAS("make private", mount(0, "q", 0, MS_PRIVATE, 0));
    show_mounts("peer, slave, private");
    mkdir("s/1", 0755), mkdir("s/2", 0755), mkdir("s/3", 0755);
    MUST(mount("one", "s/1", "tmpfs", 0, 0));
    MUST(mount("two", "p/2", "tmpfs", 0, 0));
    MUST(mount("three", "l/3", "tmpfs", 0, 0));
    show_mounts("mounts on shared, peer, slave");
    MUST(mount(0, "l", 0, MS_SHARED, 0));
    MUST(mount("l", "m", 0, MS_BIND, 0));
    show_mounts("slave and shared");
    TRYAS("umount at the peer", umount("p/1"));
    TRYAS("umount at the slave", umount("l/2"));
    show_mounts("after umounts");
    mkdir("s/4", 0755);
    MUST(mount("four", "s/4", "tmpfs", 0, 0));
    show_mounts("through the slave's peers");
    TRYAS("move out of a shared mount", mount("s/4", "x", 0, MS_MOVE, 0));
    TRYAS("unbindable", mount(0, "q", 0, MS_UNBINDABLE, 0));
    TRYAS("bind of it", mount("q", "x", 0, MS_BIND, 0));
    TRYAS("bind of all, without it", mount(".", "x", 0, MS_BIND | MS_REC, 0));
    show_mounts("recursive bind without the unbindable");
    TRYAS("umount", umount2("x", MNT_DETACH));
    MUST(umount2("m", MNT_DETACH));
    MUST(umount2("l", MNT_DETACH));
    MUST(umount2("q", MNT_DETACH));
    in_child(0, "the same namespace");
    show_mounts("after it");
    TRYAS("umount", umount("s/fromchild"));
    in_child(CLONE_NEWNS, "a copy, propagating");
    show_mounts("after it");
    TRYAS("umount", umount("s/fromchild"));
    MUST(mount(0, "s", 0, MS_PRIVATE | MS_REC, 0));
    MUST(mount(0, "p", 0, MS_PRIVATE | MS_REC, 0));
    in_child(CLONE_NEWNS, "a private copy");
    show_mounts("after it");
    MUST(mount(0, "s", 0, MS_SHARED, 0));
    pid_t pid = MUST(sys_clone(CLONE_NEWNS));
    if (pid == 0) {
        MUST(mount(0, "s", 0, MS_SLAVE, 0));
        MUST(mount(0, "s", 0, MS_SHARED, 0));
        pid_t below = MUST(sys_clone(CLONE_NEWNS));
        if (below == 0) {
            MUST(mount(0, "s", 0, MS_SLAVE, 0));
            show_mounts("slave of a slave");
            _exit(0);
        }
        reap(below, "below");
        _exit(0);
    }
    reap(pid, "slave");
    end_mounts();
    return 0;
}
