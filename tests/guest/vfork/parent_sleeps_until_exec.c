// execve wakes the parent of vfork; from then on the child has memory of its own.
#include "guest.h"
static volatile int data = 1;
int main(int argc, char **argv)
{
    if (argc > 1) {
        pass_gate((struct gate){ { 3, 4 } });
        say("child: data %d", data);
        return 5;
    }
    struct gate gate = new_gate();
    dup2(gate.fd[0], 3);
    dup2(gate.fd[1], 4);
    pid_t pid = vfork();
    if (pid == 0) {
        data = 2;
        char *args[] = { argv[0], "child", NULL };
        execv(argv[0], args);
        _exit(127);
    }
    say("parent goes on while the child waits: data %d", data);
    open_gate((struct gate){ { 3, 4 } });
    reap(pid, "child");
    return 0;
}
