// kill(0), kill(-group): every member gets it, once; others do not.
#include "guest.h"
static volatile sig_atomic_t count;
static void handler(int number) { (void)number; count++; }
static pid_t member(pid_t group, struct gate ready, struct gate end)
{
    pid_t pid = spawn();
    if (pid == 0) {
        setpgid(0, group);
        on_signal(SIGUSR1, handler, SA_RESTART);
        open_gate(ready);
        pass_gate(end);
        _exit(count);
    }
    setpgid(pid, group);
    pass_gate(ready);
    return pid;
}
int main(void)
{
    struct gate ready = new_gate(), end = new_gate();
    setpgid(0, 0);
    on_signal(SIGUSR1, handler, SA_RESTART);
    pid_t a = member(0, ready, end), b = member(a, ready, end), c = member(getpgrp(), ready, end);
    TRY(kill(-a, SIGUSR1));
    say("mine %d", (int)count);
    TRY(kill(0, SIGUSR1));
    say("mine %d", (int)count);
    for (int i = 0; i < 3; i++)
        open_gate(end);
    reap(a, "a");
    reap(b, "b");
    reap(c, "c");
    say("empty group: %s", outcome(kill(-a, 0)));
    return 0;
}
