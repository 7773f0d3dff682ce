/* PTRACE_EVENT_*: fork, vfork, clone, exec, exit, the end of vfork; what the message is; new tasks are traced. */
#include "ptrace.h"

static char stack[65536];

static int thread(void *argument)
{
    (void)argument;
    return 5;
}

static int tracee(char *self)
{
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    int pid = fork();
    if (pid == 0)
        _exit(1);
    waitpid(pid, NULL, 0);
    pid = vfork();
    if (pid == 0)
        _exit(2);
    waitpid(pid, NULL, 0);
    pid = clone(thread, stack + sizeof stack, CLONE_VM | CLONE_FS, NULL);
    waitpid(pid, NULL, __WALL);
    execl(self, self, "again", (char *)0);
    return 9;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return 7;
    int pid = fork(), live = 1, child = 0, stops = 0;
    if (pid == 0)
        _exit(tracee(argv[0]));
    wait_and_tell(pid, "begin");
    request("options", ptrace(PTRACE_SETOPTIONS, pid, 0,
                              PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
                                  PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT));
    ptrace(PTRACE_CONT, pid, 0, 0);
    while (live && stops++ < 100) {
        int status, who = waitpid(pid, &status, __WALL), signal = 0;
        if (who < 0)
            break;
        unsigned long text = WIFSTOPPED(status) ? message(pid) : 0;
        int event = status >> 16;
        printf("parent: %s", told(status));
        if (event == 1 || event == 2 || event == 3) {
            child = text;
            printf(", a child %d", child > 0 && child != pid);
        } else if (event == 5)
            printf(", the child %d", (int)text == child);
        else if (event == 4)
            printf(", was itself %d", (int)text == pid);
        else if (event == 6)
            printf(", status %#lx", text);
        printf("\n");
        if (WIFEXITED(status) || WIFSIGNALED(status))
            break;
        if (WIFSTOPPED(status) && !event && WSTOPSIG(status) != SIGTRAP)
            signal = WSTOPSIG(status);
        if (event == 1 || event == 2 || event == 3) { /* the child: from its first stop to its end */
            int other;
            siginfo_t info;
            waitpid(child, &other, __WALL);
            printf(" child: %s, info %ld\n", told(other), ptrace(PTRACE_GETSIGINFO, child, 0, &info));
            ptrace(PTRACE_CONT, child, 0, 0);
            waitpid(child, &other, __WALL);
            printf(" child: %s, status %#lx\n", told(other), message(child));
            ptrace(PTRACE_CONT, child, 0, 0);
            waitpid(child, &other, __WALL);
            printf(" child: %s\n", told(other));
        }
        ptrace(PTRACE_CONT, pid, 0, signal);
    }
    return 0;
}
