// A handler ends FUTEX_WAIT with EINTR when there is a timeout; without one SA_RESTART lets it go on.
#include "futex.h"
static int word, handlers;
static void handler(int number) { (void)number; handlers++; }
int main(void)
{
    pid_t me = getpid();
    int *box = shared(4096);
    for (int round = 0; round < 4; round++) {
        on_signal(SIGUSR1, handler, round & 1 ? SA_RESTART : 0);
        pid_t pid = spawn();
        if (pid == 0) {
            until_state(me, 'S');
            kill(me, SIGUSR1);
            pause_ms(10);
            futex(box, FUTEX_WAKE, 1, NULL, NULL, 0);
            _exit(0);
        }
        struct timespec limit = { 5, 0 };
        long result = futex(box, FUTEX_WAIT, 0, round & 2 ? &limit : NULL, NULL, 0);
        say("restart %d timeout %d: %s", round & 1, !!(round & 2), outcome(result));
        waitpid(pid, NULL, 0);
    }
    say("handlers %d", handlers);
    (void)word;
    return 0;
}
