// WNOWAIT leaves the child to be waited for again, also for stops.
#include "guest.h"
int main(void)
{
    siginfo_t info;
    pid_t pid = spawn();
    if (pid == 0) {
        raise(SIGSTOP);
        _exit(9);
    }
    for (int i = 0; i < 3; i++) {
        MUST(waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT));
        say("stop %d: status %s", i, sig(info.si_status));
    }
    MUST(waitid(P_PID, pid, &info, WSTOPPED));
    say("stop taken: %d", waitid(P_PID, pid, (info.si_pid = 0, &info), WSTOPPED | WNOHANG) == 0 && info.si_pid == 0);
    kill(pid, SIGCONT);
    for (int i = 0; i < 3; i++) {
        MUST(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
        say("exit %d: status %d", i, info.si_status);
    }
    say("zombie %c", state_of(pid));
    reap(pid, "child");
    return 0;
}
