// A signal to a parent asleep in vfork is handled only after the child has gone; SIGKILL ends it at once.
#include "guest.h"
static volatile sig_atomic_t handled;
static volatile int handled_in_child;
static void handler(int number) { handled = number; }
int main(void)
{
    on_signal(SIGUSR1, handler, 0);
    pid_t me = getpid();
    pid_t pid = vfork();
    if (pid == 0) {
        kill(me, SIGUSR1);
        struct timespec t = { 0, 20 * MS };
        syscall(SYS_nanosleep, &t, NULL);
        handled_in_child = handled;
        _exit(0);
    }
    say("while the child ran: %d, after: %d", handled_in_child, handled == SIGUSR1);
    reap(pid, "child");

    pid_t parent = spawn();
    if (parent == 0) {
        pid_t mine = getpid();
        if (vfork() == 0) {
            kill(mine, SIGKILL);
            struct timespec t = { 0, 20 * MS };
            syscall(SYS_nanosleep, &t, NULL);
            _exit(0);
        }
        _exit(1);
    }
    reap(parent, "killed parent");
    return 0;
}
