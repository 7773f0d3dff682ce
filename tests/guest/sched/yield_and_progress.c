// Everyone gets on: busy children with and without yields all finish; a spinning parent does not starve its child.
#include "guest.h"
int main(void)
{
    volatile int *box = shared(4096);
    pid_t spinner = spawn();
    if (spinner == 0) {
        while (!box[0]) {
        }
        _exit(1);
    }
    pid_t setter = spawn();
    if (setter == 0) {
        for (volatile int i = 0; i < 100000; i++) {
        }
        box[0] = 1;
        _exit(2);
    }
    while (!box[0]) {
    }
    reap(spinner, "spinner");
    reap(setter, "setter");
    for (int i = 0; i < 4; i++)
        if (spawn() == 0) {
            for (int j = 0; j < 200; j++)
                sched_yield();
            _exit(i);
        }
    int sum = 0, status;
    while (wait(&status) > 0)
        sum += WEXITSTATUS(status);
    say("sum %d", sum);
    return 0;
}
