// A mount namespace owned by a user namespace: what it inherits is locked together, and it mounts only some types.
// needs: root
#include "mnt.h"
static void inside(void)
{
    show_mounts("inherited");
    TRYAS("umount of what came along", umount("covered/secret"));
    TRYAS("lazy umount of it", umount2("covered/secret", MNT_DETACH));
    TRYAS("umount of the one below", umount("covered"));
    TRYAS("bind without what covers", mount("covered", "free", 0, MS_BIND, 0));
    TRYAS("bind with it", mount("covered", "free", 0, MS_BIND | MS_REC, 0));
    TRYAS("umount of the bound one", umount2("free/secret", MNT_DETACH));
    TRYAS("umount of all that was bound", umount2("free", MNT_DETACH));
    TRYAS("ro to rw", mount(0, "readonly", 0, MS_REMOUNT | MS_BIND, 0));
    TRYAS("ro stays, nosuid too", mount(0, "readonly", 0, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, 0));
    TRYAS("nosuid away", mount(0, "readonly", 0, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV, 0));
    TRYAS("another atime", mount(0, "readonly", 0, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOATIME, 0));
    TRYAS("remount of the file system", mount(0, "shared", 0, MS_REMOUNT | MS_RDONLY, 0));
    TRYAS("tmpfs", mount("mine", "free", "tmpfs", 0, "mode=755,uid=0"));
    TRYAS("tmpfs of a user without a number", mount("mine", "free", "tmpfs", 0, "uid=12"));
    TRYAS("no such type for me", mount("x", "free", "devtmpfs", 0, 0));
    TRYAS("proc without a PID namespace", mount("proc", "free", "proc", 0, 0));
    TRYAS("device", mknod("free/device", S_IFCHR | 0600, 259));
    TRYAS("make shared", mount(0, "shared", 0, MS_SHARED, 0));
    mkdir("shared/in", 0755);
    TRYAS("mount on the slave", mount("in", "shared/in", "tmpfs", 0, 0));
    TRYAS("umount of my own", umount("free"));
    show_mounts("in the end");
    TRYAS("chroot", chroot("free"));
    TRYAS("new user namespace in a chroot", sys_unshare(CLONE_NEWUSER));
}
int main(void)
{
    start_mounts();
    mkdir("covered", 0755), mkdir("free", 0777), mkdir("readonly", 0755), mkdir("shared", 0777);
    MUST(mount("c", "covered", "tmpfs", 0, 0));
    mkdir("covered/secret", 0755);
    MUST(mount("s", "covered/secret", "tmpfs", 0, 0));
    MUST(mount("ro", "readonly", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, 0));
    MUST(mount("sh", "shared", "tmpfs", 0, "mode=777"));
    MUST(mount(0, "shared", 0, MS_SHARED, 0));
    struct gate made = new_gate(), go = new_gate();
    int fd = MUST(ns_open("mnt"));
    pid_t pid = MUST(sys_clone(CLONE_NEWNS | CLONE_NEWUSER));
    if (pid == 0) {
        pass_gate(go);
        TRYAS("back to the parent's", sys_setns(fd, 0));
        inside();
        open_gate(made);
        pass_gate(go);
        show_mounts("later");
        _exit(0);
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/uid_map", (int)pid);
    MUST(put_file(path, "0 0 1"));
    snprintf(path, sizeof path, "/proc/%d/gid_map", (int)pid);
    MUST(put_file(path, "0 0 1"));
    open_gate(go);
    pass_gate(made);
    show_mounts("outside");
    mkdir("shared/out", 0755);
    MUST(mount("out", "shared/out", "tmpfs", 0, 0));
    open_gate(go);
    reap(pid, "child");
    TRYAS("NEWNS with FS", sys_clone(CLONE_NEWNS | CLONE_FS));
    end_mounts();
    return 0;
}
