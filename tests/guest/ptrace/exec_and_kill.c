/* Without PTRACE_O_TRACEEXEC the old SIGTRAP comes after execve; SIGKILL ends a stopped task; EXIT has a last stop. */
#include "ptrace.h"

int main(int argc, char **argv)
{
    siginfo_t info;
    if (argc > 1)
        return 4;
    int pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        execl(argv[0], argv[0], "again", (char *)0);
        _exit(9);
    }
    wait_and_tell(pid, "exec");
    request("info", ptrace(PTRACE_GETSIGINFO, pid, 0, &info));
    printf("code %d from itself %d\n", info.si_code, info.si_pid == pid);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_and_tell(pid, "end");

    pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGUSR1);
        _exit(9);
    }
    wait_and_tell(pid, "stopped");
    kill(pid, SIGKILL);
    wait_and_tell(pid, "killed");

    pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        raise(SIGTERM);
        _exit(9);
    }
    wait_and_tell(pid, "begin");
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_and_tell(pid, "signal");
    ptrace(PTRACE_CONT, pid, 0, SIGTERM);
    wait_and_tell(pid, "last look");
    printf("message %#lx\n", message(pid));
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_and_tell(pid, "end");
    return 0;
}
