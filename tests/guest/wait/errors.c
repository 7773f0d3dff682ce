// The errnos of wait4 and waitid.
#include "guest.h"
int main(void)
{
    int status;
    siginfo_t info;
    TRY(wait(NULL));
    TRY(waitpid(-1, &status, WNOHANG));
    TRY(waitpid(-1, &status, 0x100));
    TRY(waitpid(-1, &status, WEXITED));
    TRY(waitid(P_ALL, 0, &info, 0));
    TRY(waitid(P_ALL, 0, &info, WNOHANG));
    TRY(waitid(P_ALL, 0, &info, WEXITED | 0x100));
    TRY(waitid(7, 0, &info, WEXITED));
    TRY(waitid(P_PID, 0, &info, WEXITED));
    TRY(waitid(P_PID, -1, &info, WEXITED));
    TRY(waitid(P_PGID, -1, &info, WEXITED));
    TRY(waitid(P_PGID, 0, &info, WEXITED));
    TRY(waitid(P_PIDFD, 99, &info, WEXITED));
    TRY(waitid(P_PIDFD, 0, &info, WEXITED));
    TRY(waitid(P_PIDFD, -1, &info, WEXITED));
    pid_t pid = spawn();
    if (pid == 0)
        _exit(0);
    TRYAS("bad status pointer", syscall(SYS_wait4, pid, 8, 0, NULL));
    TRYAS("reaped all the same", waitpid(pid, &status, 0));
    pid = spawn();
    if (pid == 0)
        _exit(0);
    TRYAS("bad rusage pointer", syscall(SYS_wait4, pid, &status, 0, 8));
    TRYAS("reaped all the same", waitpid(pid, &status, 0));
    pid = spawn();
    if (pid == 0)
        _exit(0);
    TRYAS("bad siginfo pointer", syscall(SYS_waitid, P_PID, pid, 8, WEXITED, NULL));
    TRYAS("reaped all the same", waitpid(pid, &status, 0));
    return 0;
}
