/* CLONE_PTRACE: the child is traced by the parent's tracer without an event. CLONE_UNTRACED: no event, no tracing. */
#include "ptrace.h"

int main(void)
{
    int pid = fork(), status;
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        for (int i = 0; i < 3; i++) {
            long flags = i == 0 ? 0 : i == 1 ? CLONE_PTRACE : CLONE_UNTRACED;
            int child = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
            if (child == 0)
                _exit(20 + i);
            waitpid(child, &status, 0);
        }
        _exit(0);
    }
    for (int round = 0; round < 2; round++) {
        if (round == 1) { /* the same again, with events */
            pid = fork();
            if (pid == 0) {
                ptrace(PTRACE_TRACEME, 0, 0, 0);
                raise(SIGSTOP);
                int child = syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0);
                if (child == 0)
                    _exit(30);
                waitpid(child, &status, 0);
                child = syscall(SYS_clone, CLONE_UNTRACED | CLONE_PTRACE | SIGCHLD, 0, 0, 0, 0);
                if (child == 0)
                    _exit(31);
                waitpid(child, &status, 0);
                _exit(1);
            }
        }
        wait_and_tell(pid, "begin");
        if (round == 1)
            ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE);
        ptrace(PTRACE_CONT, pid, 0, 0);
        for (;;) {
            int who = waitpid(-1, &status, __WALL);
            if (who < 0)
                break;
            int shown = WIFSTOPPED(status) && WSTOPSIG(status) == SIGCHLD;
            if (!shown)
                printf("%s: %s\n", who == pid ? "parent" : "child", told(status));
            if (!WIFSTOPPED(status)) {
                if (who == pid)
                    break;
                continue;
            }
            ptrace(PTRACE_CONT, who, 0, shown ? SIGCHLD : 0);
        }
    }
    return 0;
}
