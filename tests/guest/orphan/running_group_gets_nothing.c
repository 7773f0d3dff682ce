// A group that becomes an orphan with no stopped member gets no signal.
#include "guest.h"
int main(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    struct gate gate = new_gate();
    pid_t middle = spawn();
    if (middle == 0) {
        if (spawn() == 0) {
            setpgid(0, 0);
            open_gate(gate);
            pause_ms(20);
            _exit(3);
        }
        pass_gate(gate);
        _exit(0);
    }
    reap(middle, "middle");
    int status;
    wait(&status);
    say("member: %s", status_text(status));
    return 0;
}
