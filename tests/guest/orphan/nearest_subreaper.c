// Of two subreapers above an orphan the nearer one gets it; the attribute is not inherited by children.
#include "guest.h"
int main(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t near = spawn();
    if (near == 0) {
        int set = -1;
        prctl(PR_GET_CHILD_SUBREAPER, &set);
        say("inherited %d", set);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        pid_t middle = spawn();
        if (middle == 0) {
            if (spawn() == 0) {
                pause_ms(10);
                _exit(5);
            }
            _exit(0);
        }
        reap(middle, "middle");
        int status;
        say("nearer one has it: %d %s", wait(&status) > 0, status_text(status));
        _exit(0);
    }
    reap(near, "near");
    TRY(wait(NULL));
    return 0;
}
