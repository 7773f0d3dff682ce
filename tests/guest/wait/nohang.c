// WNOHANG: 0 while the child runs, its PID when it is dead; waitid leaves si_pid 0.
#include "guest.h"
int main(void)
{
    struct gate gate = new_gate();
    int status = 12345;
    siginfo_t info;
    memset(&info, 0xff, sizeof info);
    pid_t pid = spawn();
    if (pid == 0) {
        pass_gate(gate);
        _exit(8);
    }
    say("running: %d, status untouched %d", waitpid(pid, &status, WNOHANG), status == 12345);
    say("waitid: %d", waitid(P_PID, pid, &info, WEXITED | WNOHANG));
    say("si_pid %d si_signo %d", info.si_pid, info.si_signo);
    open_gate(gate);
    until_state(pid, 'Z');
    say("dead: %d %s", waitpid(pid, &status, WNOHANG) == pid, status_text(status));
    return 0;
}
