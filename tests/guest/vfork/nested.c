// vfork in the child of vfork: three processes, one memory.
#include "guest.h"
static volatile int trail;
int main(void)
{
    pid_t pid = vfork();
    if (pid == 0) {
        pid_t grandchild = vfork();
        if (grandchild == 0) {
            trail = trail * 10 + 1;
            _exit(1);
        }
        trail = trail * 10 + 2;
        int status;
        syscall(SYS_wait4, grandchild, &status, 0, NULL);
        trail = trail * 10 + WEXITSTATUS(status);
        _exit(2);
    }
    say("trail %d", trail);
    reap(pid, "child");
    return 0;
}
