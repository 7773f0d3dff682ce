// A signal handler interrupts wait with EINTR; with SA_RESTART the wait goes on.
#include "guest.h"
static volatile sig_atomic_t count;
static void handler(int number) { (void)number; count++; }
int main(void)
{
    pid_t me = getpid();
    for (int restart = 0; restart < 2; restart++) {
        on_signal(SIGUSR1, handler, restart ? SA_RESTART : 0);
        pid_t pid = spawn();
        if (pid == 0) {
            until_state(me, 'S');
            kill(me, SIGUSR1);
            pause_ms(20);
            _exit(4);
        }
        int status = 0;
        pid_t got = waitpid(pid, &status, 0);
        if (got == -1) {
            say("%s, handler ran %d", err(errno), (int)count);
            waitpid(pid, &status, 0);
        } else
            say("restarted: %d %s, handler ran %d", got == pid, status_text(status), (int)count);
    }
    return 0;
}
