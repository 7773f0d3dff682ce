// In an orphaned group TSTP, TTIN and TTOU do not stop; STOP does.
#include "guest.h"
int main(void)
{
    pid_t pid = spawn();
    if (pid == 0) {
        setsid();
        raise(SIGTSTP);
        raise(SIGTTIN);
        raise(SIGTTOU);
        say("not stopped");
        raise(SIGSTOP);
        _exit(2);
    }
    int status;
    waitpid(pid, &status, WUNTRACED);
    say("%s", status_text(status));
    kill(pid, SIGCONT);
    reap(pid, "child");
    return 0;
}
