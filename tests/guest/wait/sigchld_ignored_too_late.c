// Ignoring SIGCHLD when the child is a zombie already does not remove it.
#include "guest.h"
int main(void)
{
    pid_t pid = spawn();
    if (pid == 0)
        _exit(3);
    until_state(pid, 'Z');
    on_signal(SIGCHLD, SIG_IGN, 0);
    say("still %c", state_of(pid));
    reap(pid, "child");
    return 0;
}
