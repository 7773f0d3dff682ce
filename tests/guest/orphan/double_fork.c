// The daemon's double fork: the grandchild is in another session without leading it.
#include "guest.h"
int main(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t first = spawn();
    if (first == 0) {
        MUST(setsid());
        if (spawn() == 0) {
            struct timespec t = { 0, MS };
            while (getppid() != 1 && getppid() == getsid(0))
                nanosleep(&t, NULL);
            say("session %d, leader %d, setsid again %s", getsid(0) != getpid(), getsid(0) == getpid(),
                setsid() > 0 ? "ok" : err(errno));
            _exit(0);
        }
        _exit(0);
    }
    int ended, status;
    MUST(waitpid(first, &ended, 0));
    wait(&status);
    say("first: %s", status_text(ended));
    say("daemon: %s", status_text(status));
    return 0;
}
