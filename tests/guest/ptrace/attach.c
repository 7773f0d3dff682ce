/* PTRACE_ATTACH to a running, a stopped and a sleeping process; DETACH with and without a signal; a call that is
 * interrupted by attaching goes on. */
#include "ptrace.h"

static int pipes[2];

int main(void)
{
    struct user_regs_struct regs;
    int status;
    char byte = 'x';
    if (pipe(pipes))
        return 1;
    int pid = fork();
    if (pid == 0) {
        char got = 0;
        long n = read(pipes[0], &got, 1); /* attached to and detached from in here */
        _exit(n == 1 && got == 'x' ? 3 : 4);
    }
    usleep(20000);
    request("attach to a sleeper", ptrace(PTRACE_ATTACH, pid, 0, 0));
    wait_and_tell(pid, "attached");
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    printf("in read %d, result %lld\n", regs.orig_rax == SYS_read, (long long)regs.rax);
    request("detach", ptrace(PTRACE_DETACH, pid, 0, 0));
    printf("nothing new: %d\n", waitpid(pid, &status, WNOHANG));
    if (write(pipes[1], &byte, 1) != 1)
        return 1;
    wait_and_tell(pid, "end");

    pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    printf("before: %s\n", told(status));
    request("attach to a stopped one", ptrace(PTRACE_ATTACH, pid, 0, 0));
    wait_and_tell(pid, "attached");
    request("detach with SIGUSR1", ptrace(PTRACE_DETACH, pid, 0, SIGUSR1)); /* only a signal's own stop can give one */
    kill(pid, SIGTERM);
    kill(pid, SIGCONT);
    wait_and_tell(pid, "end");

    pid = fork();
    if (pid == 0)
        for (;;)
            ;
    request("attach to a runner", ptrace(PTRACE_ATTACH, pid, 0, 0));
    wait_and_tell(pid, "attached");
    request("detach with a bad signal", ptrace(PTRACE_DETACH, pid, 0, 99));
    request("kill", ptrace(PTRACE_KILL, pid, 0, 0));
    wait_and_tell(pid, "end");
    return 0;
}
