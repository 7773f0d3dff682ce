// The default action of every signal: who dies of it, who stops, who does not mind; and the wait status of each.
#include "guest.h"
int main(void)
{
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    for (int number = 1; number <= 64; number++) {
        if (number >= 32 && number <= 34)
            continue; // the C library's own
        pid_t pid = spawn();
        if (pid == 0) {
            setsid(); // the group is an orphan: TSTP, TTIN and TTOU do not stop it
            struct sigaction action = { .sa_handler = SIG_DFL };
            sigaction(number, &action, NULL);
            kill(getpid(), number);
            _exit(0);
        }
        int status;
        waitpid(pid, &status, WUNTRACED);
        say("%s: %s, raw %#x", sig(number), status_text(status), status);
        if (WIFSTOPPED(status)) {
            kill(pid, SIGCONT);
            waitpid(pid, &status, 0);
            say("  then %s", status_text(status));
        }
    }
    return 0;
}
