// RLIMIT_NPROC: at the limit fork is EAGAIN (for a user other than root), below it works again.
// needs: root
#include "guest.h"
int main(void)
{
    uid_t user = 100000 + getpid(); // nobody else's, also when tests run side by side
    pid_t pid = spawn();
    if (pid == 0) {
        struct rlimit limit = { 3, 3 };
        MUST(setgid(user));
        MUST(setuid(user));
        MUST(setrlimit(RLIMIT_NPROC, &limit));
        struct gate gate = new_gate();
        int made = 0;
        for (int i = 0; i < 5; i++) {
            pid_t child = fork();
            if (child == 0) {
                pass_gate(gate);
                _exit(0);
            }
            if (child > 0)
                made++;
            else
                say("fork %d: %s", i, err(errno));
        }
        say("made %d", made);
        open_gate(gate);
        wait(NULL);
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        say("after one ended: %s", child > 0 ? "ok" : err(errno));
        open_gate(gate);
        while (wait(NULL) > 0) {
        }
        _exit(0);
    }
    reap(pid, "user");
    return 0;
}
