// pivot_root(2): another root for the namespace; what it refuses; setns and chroot with it.
// needs: root
#include "mnt.h"
static int pivot(const char *new, const char *old) { return syscall(SYS_pivot_root, new, old); }
static int there(const char *path) { return access(path, F_OK) == 0; }
int main(void)
{
    start_mounts();
    mkdir("new", 0755), mkdir("new/old", 0755), mkdir("plain", 0755);
    close(MUST(open("mark-outside", O_CREAT | O_RDWR, 0644)));
    TRYAS("new is no mountpoint", pivot("new", "new/old"));
    MUST(mount("new", "new", "tmpfs", 0, 0));
    TRYAS("old is not there", pivot("new", "new/old"));
    mkdir("new/old", 0755);
    close(MUST(open("new/mark", O_CREAT | O_RDWR, 0644)));
    TRYAS("old is not below new", pivot("new", "plain"));
    TRYAS("new is a file", pivot("new/mark", "new/old"));
    TRYAS("new is the root", pivot("/", "/tmp"));
    TRYAS("on the same mount", pivot("/", "/"));
    MUST(mount(0, base, 0, MS_SHARED, 0));
    TRYAS("below a shared mount", pivot("new", "new/old"));
    MUST(mount(0, base, 0, MS_PRIVATE, 0));
    struct gate made = new_gate(), go = new_gate(), ready = new_gate(), moved = new_gate();
    pid_t pid = MUST(sys_clone(CLONE_NEWNS));
    if (pid == 0) {
        pid_t same = spawn();
        if (same == 0) {
            chdir("/");
            open_gate(ready);
            pass_gate(moved);
            say("another process there: mark %d cwd %d", there("/mark"), there("mark"));
            _exit(0);
        }
        pass_gate(ready);
        TRYAS("pivot", pivot("new", "new/old"));
        say("root has mark %d, its cwd stayed %d", there("/mark"), there("mark-outside"));
        char path[128];
        snprintf(path, sizeof path, "/old%s/mark-outside", base);
        say("old root is below: %d", there(path));
        open_gate(moved);
        reap(same, "same");
        MUST(chdir("/"));
        TRYAS("lazy umount of the old root", umount2("/old", MNT_DETACH));
        say("old root is gone: %d", !there(path));
        TRYAS("pivot in place", (mount("again", "/old", "tmpfs", 0, 0), chdir("/old"), pivot(".", ".")));
        TRYAS("umount what is on top", umount2(".", MNT_DETACH));
        say("mark is gone: %d", !there("/mark"));
        open_gate(made);
        pass_gate(go);
        _exit(0);
    }
    pass_gate(made);
    say("the parent's root is the same: mark %d", there("/mark"));
    int fd = MUST(ns_open_of(pid, "mnt"));
    TRYAS("enter", sys_setns(fd, CLONE_NEWNS));
    say("entered: empty root %d", !there("/tmp") && !there("/mark"));
    open_gate(go);
    reap(pid, "child");
    return 0;
}
