// With SIGCHLD ignored, or SA_NOCLDWAIT, children leave no zombie; wait blocks until all are gone, then ECHILD.
#include "guest.h"
static volatile sig_atomic_t count;
static void handler(int number) { (void)number; count++; }
static void round_of(const char *what)
{
    struct gate gate = new_gate();
    pid_t a = spawn();
    if (a == 0)
        _exit(1);
    pid_t b = spawn();
    if (b == 0) {
        pass_gate(gate);
        _exit(2);
    }
    until_state(a, '?');
    say("%s: first is gone: %s", what, kill(a, 0) == -1 ? err(errno) : "there");
    open_gate(gate);
    say("wait: %s", outcome(wait(NULL)));
    say("second is gone: %s", kill(b, 0) == -1 ? err(errno) : "there");
}
int main(void)
{
    on_signal(SIGCHLD, SIG_IGN, 0);
    round_of("SIG_IGN");
    on_signal(SIGCHLD, SIG_DFL, SA_NOCLDWAIT);
    round_of("SA_NOCLDWAIT");
    on_signal(SIGCHLD, handler, SA_NOCLDWAIT | SA_RESTART);
    round_of("handler and SA_NOCLDWAIT");
    say("signals came: %d", count > 0);
    on_signal(SIGCHLD, SIG_DFL, 0);
    pid_t pid = spawn();
    if (pid == 0)
        _exit(3);
    reap(pid, "default");
    return 0;
}
