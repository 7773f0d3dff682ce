// Who may signal whom: real or effective ID against real or saved ID; CONT within the session.
// needs: root
#include "guest.h"
static void attempt(uid_t r, uid_t e, pid_t target, const char *what)
{
    pid_t pid = spawn();
    if (pid == 0) {
        MUST(setresuid(r, e, e));
        say("%s: %s", what, outcome(kill(target, 0)));
        say("  CONT: %s", outcome(kill(target, SIGCONT)));
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}
int main(void)
{
    struct gate ready = new_gate();
    pid_t target = spawn();
    if (target == 0) {
        MUST(setresuid(1000, 2000, 3000));
        open_gate(ready);
        for (;;)
            pause();
    }
    pass_gate(ready);
    attempt(1000, 5000, target, "real is its real");
    attempt(5000, 1000, target, "effective is its real");
    attempt(3000, 5000, target, "real is its saved");
    attempt(2000, 2000, target, "its effective only");
    attempt(5000, 5000, target, "stranger");
    attempt(0, 5000, target, "real root only");
    kill(target, SIGKILL);
    reap(target, "target");
    return 0;
}
