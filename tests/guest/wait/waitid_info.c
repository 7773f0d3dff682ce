// What waitid tells: code and status of an exit, a kill, a core dump signal, a stop, a continuation.
#include "guest.h"
static const char *code(int value)
{
    const char *names[] = { "?", "CLD_EXITED", "CLD_KILLED", "CLD_DUMPED", "CLD_TRAPPED", "CLD_STOPPED", "CLD_CONTINUED" };
    return value > 0 && value < 7 ? names[value] : "?";
}
static void show(pid_t pid, const siginfo_t *info)
{
    say("signo %s %s status %d uid %d pid %d errno %d", sig(info->si_signo), code(info->si_code), info->si_status,
        info->si_uid == getuid(), info->si_pid == pid, info->si_errno);
}
int main(void)
{
    siginfo_t info;
    memset(&info, 0, sizeof info);
    pid_t pid = spawn();
    if (pid == 0)
        _exit(300);
    MUST(waitid(P_PID, pid, &info, WEXITED));
    show(pid, &info);
    pid = spawn();
    if (pid == 0) {
        raise(SIGSTOP);
        for (;;)
            pause();
    }
    MUST(waitid(P_PID, pid, &info, WSTOPPED));
    show(pid, &info);
    kill(pid, SIGCONT);
    MUST(waitid(P_PID, pid, &info, WCONTINUED));
    show(pid, &info);
    kill(pid, SIGHUP);
    MUST(waitid(P_ALL, 0, &info, WEXITED));
    show(pid, &info);
    pid = spawn();
    if (pid == 0)
        _exit(0);
    say("no siginfo: %d", waitid(P_PID, pid, NULL, WEXITED));
    say("gone: %s", outcome(waitid(P_PID, pid, &info, WEXITED)));
    return 0;
}
