// waitid(P_PIDFD): waits for that child; EAGAIN with a non-blocking pidfd; ECHILD for one that is no child.
#include "guest.h"
#ifndef PIDFD_NONBLOCK
#define PIDFD_NONBLOCK O_NONBLOCK
#endif
int main(void)
{
    siginfo_t info = { 0 };
    struct gate gate = new_gate();
    pid_t pid = spawn();
    if (pid == 0) {
        pass_gate(gate);
        _exit(31);
    }
    int blocking = MUST(syscall(SYS_pidfd_open, pid, 0)), fd = MUST(syscall(SYS_pidfd_open, pid, PIDFD_NONBLOCK));
    TRY(waitid(P_PIDFD, fd, &info, WEXITED));
    say("WNOHANG: %s, pid %d", outcome(waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG)), info.si_pid);
    open_gate(gate);
    TRY(waitid(P_PIDFD, blocking, &info, WEXITED | WNOWAIT));
    say("status %d pid %d", info.si_status, info.si_pid == pid);
    TRY(waitid(P_PIDFD, fd, &info, WEXITED));
    TRY(waitid(P_PIDFD, fd, &info, WEXITED));
    int me = MUST(syscall(SYS_pidfd_open, getpid(), 0));
    TRY(waitid(P_PIDFD, me, &info, WEXITED));
    TRY(waitid(P_PIDFD, 1, &info, WEXITED));
    return 0;
}
