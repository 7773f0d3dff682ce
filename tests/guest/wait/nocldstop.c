// SA_NOCLDSTOP: no SIGCHLD for stops and continuations; the wait sees them all the same.
#include "guest.h"
static volatile sig_atomic_t count, last;
static void handler(int number, siginfo_t *info, void *context) { (void)number, (void)context; count++, last = info->si_code; }
static int signals(int expected) // the signal may come a little after the wait has seen the change
{
    for (int i = 0; i < (expected ? 1000 : 5) && count < expected + !expected; i++)
        pause_ms(1);
    return count;
}
static void round_of(int flags, const char *what)
{
    int status;
    count = 0;
    on_siginfo(SIGCHLD, handler, SA_RESTART | flags);
    pid_t pid = spawn();
    if (pid == 0)
        for (;;)
            pause();
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    say("%s: stopped, signals %d code %d", what, signals(!flags), count ? (int)last : 0);
    kill(pid, SIGCONT);
    waitpid(pid, &status, WCONTINUED);
    say("continued, signals %d code %d", signals(flags ? 0 : 2), count ? (int)last : 0);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    say("killed, signals %d code %d", signals(flags ? 1 : 3), (int)last);
}
int main(void)
{
    round_of(0, "with");
    round_of(SA_NOCLDSTOP, "without");
    return 0;
}
