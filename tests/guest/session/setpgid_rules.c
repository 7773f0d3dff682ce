// Who may be put into which group: itself and children before they exec, within the session.
#include "guest.h"
int main(int argc, char **argv)
{
    struct gate gate = { { 3, 4 } };
    if (argc > 1) {
        open_gate((struct gate){ { 5, 6 } });
        pass_gate(gate);
        return 0;
    }
    pid_t inner = spawn(); // one that leads no session, however this program was started
    if (inner > 0)
        return WEXITSTATUS(reap(inner, "inner"));
    struct gate made = new_gate(), ready = new_gate();
    for (int i = 0; i < 2; i++)
        if (made.fd[i] != 3 + i || ready.fd[i] != 5 + i)
            die("descriptors");
    pid_t a = spawn();
    if (a == 0) {
        pass_gate(gate);
        _exit(0);
    }
    pid_t b = spawn();
    if (b == 0) {
        char *args[] = { argv[0], "x", NULL };
        execv(argv[0], args);
    }
    pass_gate(ready);
    pid_t c = spawn();
    if (c == 0) {
        setsid();
        open_gate(ready);
        pass_gate(gate);
        _exit(0);
    }
    pass_gate(ready);
    say("child: %s, leads %d", outcome(setpgid(a, 0)), getpgid(a) == a);
    say("child into that group: %s", outcome(setpgid(a, a)));
    say("self into the child's group: %s", outcome(setpgid(0, a)));
    say("self back: %s", outcome(setpgid(0, 0)));
    say("child that has execed: %s", outcome(setpgid(b, b)));
    say("child in another session: %s", outcome(setpgid(c, c)));
    say("no such process: %s", outcome(setpgid(99999999, 0)));
    say("not a child: %s", outcome(setpgid(1, 0)));
    say("negative group: %s", outcome(setpgid(0, -1)));
    say("no such group: %s", outcome(setpgid(0, 99999999)));
    say("into another session's group: %s", outcome(setpgid(0, c)));
    for (int i = 0; i < 3; i++)
        open_gate(gate);
    reap(a, "a"), reap(b, "b"), reap(c, "c");
    return 0;
}
