// A child whose parent dies gets another parent; a subreaper above gets it and can wait for it.
#include "guest.h"
int main(void)
{
    MUST(prctl(PR_SET_CHILD_SUBREAPER, 1));
    int set = 0;
    MUST(prctl(PR_GET_CHILD_SUBREAPER, &set));
    pid_t me = getpid();
    pid_t *box = shared(4096);
    pid_t middle = spawn();
    if (middle == 0) {
        struct gate gate = new_gate();
        pid_t mine = getpid();
        pid_t child = spawn();
        if (child == 0) {
            box[0] = getpid();
            open_gate(gate);
            while (getppid() == mine)
                pause_ms(1);
            box[1] = getppid();
            _exit(17);
        }
        pass_gate(gate);
        _exit(1);
    }
    reap(middle, "middle");
    int status;
    pid_t pid = waitpid(-1, &status, 0);
    say("set %d, orphan came here %d, its parent %d, %s", set, pid == box[0], box[1] == me, status_text(status));
    TRY(wait(NULL));
    return 0;
}
