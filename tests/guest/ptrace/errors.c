/* Who may be traced, and what is refused. */
#include "ptrace.h"

int main(void)
{
    int status, pid = fork();
    siginfo_t info;
    if (pid == 0) {
        request("traceme", ptrace(PTRACE_TRACEME, 0, 0, 0));
        request("traceme again", ptrace(PTRACE_TRACEME, 0, 0, 0));
        raise(SIGSTOP);
        pause();
        _exit(0);
    }
    wait_and_tell(pid, "begin");
    request("attach to oneself", ptrace(PTRACE_ATTACH, getpid(), 0, 0));
    request("attach to nobody", ptrace(PTRACE_ATTACH, 4000000, 0, 0));
    request("cont nobody", ptrace(PTRACE_CONT, 4000000, 0, 0));
    request("cont a stranger", ptrace(PTRACE_CONT, getppid(), 0, 0));
    request("attach twice", ptrace(PTRACE_ATTACH, pid, 0, 0));
    request("unknown request", ptrace(0x5555, pid, 0, 0));
    request("bad signal", ptrace(PTRACE_CONT, pid, 0, 65));
    request("bad options", ptrace(PTRACE_SETOPTIONS, pid, 0, 1 << 30));
    request("listen", ptrace(PTRACE_LISTEN, pid, 0, 0));
    request("interrupt", ptrace(PTRACE_INTERRUPT, pid, 0, 0));
    request("info, bad address", ptrace(PTRACE_GETSIGINFO, pid, 0, 8));
    request("regs, bad address", ptrace(PTRACE_GETREGS, pid, 0, 8));
    ptrace(PTRACE_CONT, pid, 0, 0);
    request("regs while running", ptrace(PTRACE_GETREGS, pid, 0, &info));
    int other = fork();
    if (other == 0) {
        request("another's tracee", ptrace(PTRACE_ATTACH, pid, 0, 0));
        request("another's stop", ptrace(PTRACE_CONT, pid, 0, 0));
        _exit(0);
    }
    waitpid(other, NULL, 0);
    kill(pid, SIGKILL);
    wait_and_tell(pid, "end");
    pid = fork();
    if (pid == 0)
        _exit(0);
    waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
    request("attach to a zombie", ptrace(PTRACE_ATTACH, pid, 0, 0));
    waitpid(pid, &status, 0);
    return 0;
}
