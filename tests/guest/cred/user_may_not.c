// What a user without privileges may not do: every set-ID call's EPERM, and what it may.
// needs: root
#include "guest.h"
#include <grp.h>
int main(void)
{
    pid_t pid = spawn();
    if (pid == 0) {
        MUST(setgroups(0, NULL));
        MUST(setresgid(2000, 2001, 2002));
        MUST(setresuid(1000, 1001, 1002));
        TRY(setuid(0));
        TRY(setuid(5000));
        TRY(setreuid(-1, 5000));
        TRY(setreuid(5000, -1));
        TRY(setresuid(-1, -1, 5000));
        TRY(setgid(5000));
        TRY(setregid(5000, -1));
        TRY(setresgid(-1, 5000, -1));
        TRY(setgroups(0, NULL));
        TRY(setresuid(1002, 1000, 1001));
        uid_t r, e, s;
        getresuid(&r, &e, &s);
        say("%d %d %d", r, e, s);
        TRY(setuid(1002));
        getresuid(&r, &e, &s);
        say("%d %d %d", r, e, s);
        TRY(setuid(1000));
        TRY(kill(1, 0));
        TRY(setpriority(PRIO_PROCESS, 0, -5));
        TRY(syscall(SYS_setfsuid, -1));
        TRY(chroot("/"));
        _exit(0);
    }
    reap(pid, "user");
    return 0;
}
