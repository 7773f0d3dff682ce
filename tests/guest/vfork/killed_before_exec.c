// A vfork child that is killed before it execs wakes its parent.
#include "guest.h"
int main(void)
{
    pid_t killer_of;
    int *pid_box = shared(sizeof *pid_box);
    killer_of = spawn();
    if (killer_of == 0) { // kills the vfork child once it has told its PID
        while (!__atomic_load_n(pid_box, __ATOMIC_SEQ_CST))
            pause_ms(1);
        kill(*pid_box, SIGKILL);
        _exit(0);
    }
    pid_t pid = vfork();
    if (pid == 0) {
        __atomic_store_n(pid_box, getpid(), __ATOMIC_SEQ_CST);
        for (;;)
            syscall(SYS_pause);
    }
    say("parent is back");
    reap(pid, "child");
    reap(killer_of, "killer");
    return 0;
}
