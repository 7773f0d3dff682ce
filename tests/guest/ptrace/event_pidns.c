/* PTRACE_EVENT_FORK of a tracee in another PID namespace: the message is the child's number as the tracer knows it. */
#define _GNU_SOURCE
#include <sched.h>

#include "ptrace.h"

int main(void)
{
    unsigned long message;
    int ends[2], status, pid;
    char byte;

    if (pipe(ends) || unshare(CLONE_NEWUSER | CLONE_NEWPID))
        return 1;
    pid = fork();
    if (pid == 0) {
        int child;
        read(ends[0], &byte, 1);
        child = fork();
        if (child == 0)
            _exit(0);
        _exit(getpid() == 1 && child == 2 && waitpid(child, &status, 0) == 2 ? 5 : 1);
    }
    request("seize", ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEFORK));
    write(ends[1], "x", 1);
    waitpid(pid, &status, 0);
    request("message", ptrace(PTRACE_GETEVENTMSG, pid, 0, &message));
    printf("status %#x, outer number: %d\n", status, message > (unsigned long)pid && message < (unsigned long)pid + 100);
    printf("the child stops: %d\n", waitpid((int)message, &status, __WALL) == (int)message && WIFSTOPPED(status));
    request("detach child", ptrace(PTRACE_DETACH, (int)message, 0, 0));
    request("detach", ptrace(PTRACE_DETACH, pid, 0, 0));
    wait_and_tell(pid, "end");
    return 0;
}
