/* PTRACE_SEIZE: no stop by itself; INTERRUPT; group stops as PTRACE_EVENT_STOP; LISTEN until SIGCONT. */
#include "ptrace.h"

int main(void)
{
    siginfo_t info;
    int pid = fork(), status;
    if (pid == 0) {
        for (;;)
            pause();
    }
    request("interrupt before", ptrace(PTRACE_INTERRUPT, pid, 0, 0));
    request("seize with an address", ptrace(PTRACE_SEIZE, pid, 1, 0));
    request("seize with bad options", ptrace(PTRACE_SEIZE, pid, 0, 1 << 30));
    request("seize", ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD));
    request("again", ptrace(PTRACE_SEIZE, pid, 0, 0));
    request("cont while running", ptrace(PTRACE_CONT, pid, 0, 0));
    request("interrupt", ptrace(PTRACE_INTERRUPT, pid, 0, 0));
    wait_and_tell(pid, "interrupted");
    request("info", ptrace(PTRACE_GETSIGINFO, pid, 0, &info));
    printf("signal %d code %#x\n", info.si_signo, info.si_code);
    ptrace(PTRACE_CONT, pid, 0, 0);
    kill(pid, SIGSTOP);
    wait_and_tell(pid, "signal");
    ptrace(PTRACE_CONT, pid, 0, SIGSTOP);
    wait_and_tell(pid, "group stop");
    request("info", ptrace(PTRACE_GETSIGINFO, pid, 0, &info));
    printf("signal %d code %#x\n", info.si_signo, info.si_code);
    request("listen", ptrace(PTRACE_LISTEN, pid, 0, 0));
    request("cont while listening", ptrace(PTRACE_CONT, pid, 0, 0));
    printf("nothing new: %d\n", waitpid(pid, &status, WNOHANG));
    kill(pid, SIGCONT);
    wait_and_tell(pid, "group stop ends");
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_and_tell(pid, "the signal itself");
    ptrace(PTRACE_CONT, pid, 0, SIGCONT);
    request("interrupt", ptrace(PTRACE_INTERRUPT, pid, 0, 0));
    wait_and_tell(pid, "interrupted");
    request("detach", ptrace(PTRACE_DETACH, pid, 0, 0));
    kill(pid, SIGKILL);
    wait_and_tell(pid, "end");
    return 0;
}
