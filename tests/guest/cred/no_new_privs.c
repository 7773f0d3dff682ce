// PR_SET_NO_NEW_PRIVS: can be set, not cleared, inherited by fork.
#include "guest.h"
int main(void)
{
    pid_t pid = spawn();
    if (pid == 0) {
        say("at first %d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
        TRY(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
        TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
        TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        pid_t child = spawn();
        if (child == 0)
            _exit(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
        reap(child, "grandchild");
        _exit(0);
    }
    reap(pid, "child");
    say("parent %d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    return 0;
}
