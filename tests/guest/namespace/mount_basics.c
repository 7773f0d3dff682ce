// mount(2) and umount2(2) in a mount namespace: flags, binds, moves, remounts, what is refused.
// needs: root
#include "mnt.h"
int main(void)
{
    ino_t before = ns_ino("mnt");
    start_mounts();
    say("another namespace %d", ns_ino("mnt") != before);
    mkdir("a", 0755), mkdir("b", 0755), mkdir("c", 0755);
    close(MUST(open("file", O_CREAT | O_RDWR, 0644)));
    close(MUST(open("other", O_CREAT | O_RDWR, 0644)));
    TRYAS("tmpfs", mount("t1", "a", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=700"));
    TRYAS("the same again", mount("t1", "a", "tmpfs", 0, 0));
    show_mounts("two on one place");
    TRYAS("umount", umount("a"));
    TRYAS("unknown type", mount("x", "b", "nosuchfs", 0, 0));
    TRYAS("no type", mount("x", "b", 0, 0, 0));
    TRYAS("on a file", mount("x", "file", "tmpfs", 0, 0));
    TRYAS("on nothing", mount("x", "nothing", "tmpfs", 0, 0));
    TRYAS("file on file", mount("file", "other", 0, MS_BIND, 0));
    TRYAS("file on directory", mount("file", "b", 0, MS_BIND, 0));
    TRYAS("directory on file", mount("a", "file", 0, MS_BIND, 0));
    TRYAS("bind without a source", mount(0, "b", 0, MS_BIND, 0));
    mkdir("a/sub", 0755);
    TRYAS("bind of a part", mount("a/sub", "b", 0, MS_BIND, 0));
    TRYAS("on it", mount("t2", "a/sub", "tmpfs", MS_NOATIME, 0));
    TRYAS("plain bind", mount("a", "c", 0, MS_BIND, 0));
    show_mounts("bound");
    TRYAS("umount c", umount("c"));
    TRYAS("recursive bind", mount("a", "c", 0, MS_BIND | MS_REC, 0));
    show_mounts("bound with what is on it");
    TRYAS("rename of a mountpoint", rename("a", "d"));
    TRYAS("rmdir of a mountpoint", rmdir("b"));
    TRYAS("unlink of a mountpoint", unlink("other"));
    TRYAS("busy: a mount on it", umount("a"));
    int fd = MUST(open("c/sub", O_RDONLY));
    TRYAS("busy: open", umount("c/sub"));
    close(fd);
    TRYAS("not busy", umount("c/sub"));
    TRYAS("not a mount", umount("a/nothing"));
    TRYAS("no mountpoint", umount("c/sub"));
    TRYAS("bad flags", umount2("c", 1 << 20));
    TRYAS("expire", umount2("c", MNT_EXPIRE));
    TRYAS("expire again", umount2("c", MNT_EXPIRE));
    TRYAS("expire with detach", umount2("a", MNT_EXPIRE | MNT_DETACH));
    TRYAS("remount bind ro", mount(0, "b", 0, MS_REMOUNT | MS_BIND | MS_RDONLY, 0));
    TRYAS("write", mkdir("b/x", 0755));
    TRYAS("write at the origin", mkdir("a/x", 0755));
    TRYAS("rw again", mount(0, "b", 0, MS_REMOUNT | MS_BIND | MS_NOSUID, 0));
    TRYAS("write", rmdir("b"));
    TRYAS("remount of no root", mount(0, "a/x", 0, MS_REMOUNT, 0));
    TRYAS("remount ro", mount(0, "a", 0, MS_REMOUNT | MS_RDONLY, 0));
    TRYAS("write", mkdir("a/y", 0755));
    TRYAS("write through the bind", mkdir("b/y", 0755));
    TRYAS("remount rw", mount(0, "a", 0, MS_REMOUNT | MS_NODIRATIME, 0));
    show_mounts("remounted");
    TRYAS("move", mount("a/sub", "c", 0, MS_MOVE, 0));
    TRYAS("move of no mount", mount("a/x", "c", 0, MS_MOVE, 0));
    TRYAS("move into itself", mount("a", "a/x", 0, MS_MOVE, 0));
    TRYAS("move to a file", mount("c", "file", 0, MS_MOVE, 0));
    show_mounts("moved");
    TRYAS("old magic number", mount("t3", "c", "tmpfs", 0xC0ED0000 | MS_RDONLY | MS_STRICTATIME, 0));
    mkdir("c/sub", 0755);
    show_mounts("read-only");
    fd = MUST(open("a", O_RDONLY | O_DIRECTORY));
    TRYAS("lazy", umount2("a", MNT_DETACH));
    TRYAS("gone from the tree", access("a/x", F_OK));
    TRYAS("still usable", faccessat(fd, "x", F_OK, 0));
    show_mounts("in the end");
    char *line = strstr(get_file("/proc/self/mountstats"), base);
    say("mountstats: %.*s", line ? (int)strcspn(line + strlen(base), "\n") : 0, line ? line + strlen(base) : "");
    pid_t pid = spawn();
    if (pid == 0) {
        MUST(setuid(1000));
        TRYAS("a user: mount", mount("x", "c", "tmpfs", 0, 0));
        TRYAS("a user: umount", umount("b"));
        TRYAS("a user: unshare", sys_unshare(CLONE_NEWNS));
        TRYAS("a user: pivot_root", syscall(SYS_pivot_root, ".", "."));
        _exit(0);
    }
    reap(pid, "user");
    end_mounts();
    return 0;
}
