// setsid makes a leader of a session and of a group; a group leader may not call it.
#include "guest.h"
int main(void)
{
    pid_t pid = spawn();
    if (pid == 0) {
        pid_t parent = getppid();
        say("same group %d, same session %d", getpgrp() == getpgid(parent), getsid(0) == getsid(parent));
        YES(setsid() == getpid());
        YES(getpgrp() == getpid());
        YES(getsid(0) == getpid());
        TRY(setsid());
        TRY(setpgid(0, 0));
        pid_t child = spawn();
        if (child == 0) {
            YES(getsid(0) == getppid());
            YES(setsid() == getpid());
            _exit(0);
        }
        reap(child, "grandchild");
        _exit(0);
    }
    reap(pid, "child");
    pid = spawn();
    if (pid == 0) {
        MUST(setpgid(0, 0));
        TRY(setsid());
        _exit(0);
    }
    reap(pid, "group leader");
    return 0;
}
