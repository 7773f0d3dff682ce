// WUNTRACED and WCONTINUED report each change once; without them the call does not see it.
#include "guest.h"
int main(void)
{
    int status = 0;
    struct gate gate = new_gate();
    pid_t pid = spawn();
    if (pid == 0) {
        setpgid(0, 0); // a group that is not an orphan, or TSTP would not stop it
        open_gate(gate);
        for (;;)
            pause();
    }
    pass_gate(gate);
    kill(pid, SIGSTOP);
    say("stopped: %d %s", waitpid(pid, &status, WUNTRACED) == pid, status_text(status));
    say("once only: %d", waitpid(pid, &status, WUNTRACED | WNOHANG));
    say("state %c", state_of(pid));
    kill(pid, SIGCONT);
    say("continued: %d %s raw %#x", waitpid(pid, &status, WCONTINUED) == pid, status_text(status), status);
    say("once only: %d", waitpid(pid, &status, WCONTINUED | WNOHANG));
    kill(pid, SIGTSTP);
    say("stopped: %d %s", waitpid(pid, &status, WUNTRACED) == pid, status_text(status));
    kill(pid, SIGTERM);
    say("TERM waits for CONT: %d", waitpid(pid, &status, WNOHANG));
    kill(pid, SIGCONT);
    waitpid(pid, &status, 0);
    say("%s", status_text(status));
    pid = spawn();
    if (pid == 0) {
        for (;;)
            pause();
    }
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    kill(pid, SIGKILL);
    say("KILL does not wait: %d %s", waitpid(pid, &status, 0) == pid, status_text(status));
    return 0;
}
