// Supplementary groups: set by root, kept through fork, limits and errors.
// needs: root
#include "guest.h"
#include <grp.h>
int main(void)
{
    gid_t list[] = { 7, 3, 9000 }, back[10];
    TRY(setgroups(3, list));
    say("count %d", getgroups(0, NULL));
    TRY(getgroups(2, back));
    TRYAS("negative", syscall(SYS_getgroups, -1, back));
    TRYAS("too many", syscall(SYS_setgroups, 65537, list));
    TRYAS("bad address", syscall(SYS_setgroups, 2, 8));
    pid_t pid = spawn();
    if (pid == 0) {
        int n = getgroups(10, back);
        say("child: %d: %d %d %d", n, back[0], back[1], back[2]);
        TRY(setgroups(0, NULL));
        say("none: %d", getgroups(10, back));
        _exit(0);
    }
    reap(pid, "child");
    say("parent: %d", getgroups(10, back));
    return 0;
}
