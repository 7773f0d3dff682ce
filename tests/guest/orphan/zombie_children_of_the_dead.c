// Zombies of a dying parent pass to the reaper, which gets SIGCHLD for them.
#include "guest.h"
int main(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t parent = spawn();
    if (parent == 0) {
        for (int i = 0; i < 3; i++) {
            pid_t pid = spawn();
            if (pid == 0)
                _exit(10 + i);
            until_state(pid, 'Z');
        }
        _exit(1);
    }
    int sum = 0, n = 0, status;
    while (wait(&status) > 0)
        sum += WEXITSTATUS(status), n++;
    say("waited for %d, sum %d", n, sum);
    return 0;
}
