/* Attaching to a process that a signal has stopped already: it is in a stop for the tracer when the call returns. */
#include "ptrace.h"

int main(void)
{
    int seize;

    for (seize = 0; seize < 2; seize++) {
        int pid = fork(), status = 0;
        if (pid == 0) {
            raise(SIGSTOP);
            for (;;)
                pause();
        }
        waitpid(pid, &status, WUNTRACED);
        request("attach", ptrace(seize ? PTRACE_SEIZE : PTRACE_ATTACH, pid, 0, 0));
        if (seize)
            kill(pid, SIGCONT);
        status = 0;
        printf("at once: %d\n", waitpid(pid, &status, WNOHANG) == pid);
        printf("status %#x\n", status);
        request("cont", ptrace(PTRACE_CONT, pid, 0, 0));
        wait_and_tell(pid, "next");
        request("detach", ptrace(PTRACE_DETACH, pid, 0, 0));
        kill(pid, SIGKILL);
        wait_and_tell(pid, "end");
    }
    return 0;
}
