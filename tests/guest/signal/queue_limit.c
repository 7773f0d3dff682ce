// RLIMIT_SIGPENDING: beyond it sigqueue is EAGAIN, kill of a standard signal still works.
// needs: root
#include "guest.h"
int main(void)
{
    uid_t user = 200000 + getpid();
    pid_t pid = spawn();
    if (pid == 0) {
        MUST(setgid(user)), MUST(setuid(user));
        struct rlimit limit = { 5, 5 };
        MUST(setrlimit(RLIMIT_SIGPENDING, &limit));
        block(SIGSET(SIGRTMIN, SIGUSR1, SIGUSR2));
        union sigval value = { 0 };
        int queued = 0;
        while (queued < 20 && sigqueue(getpid(), SIGRTMIN, value) == 0)
            queued++;
        say("queued %d, then %s", queued, err(errno));
        TRY(kill(getpid(), SIGUSR1));
        TRY(sigqueue(getpid(), SIGUSR2, value));
        sigset_t pending;
        sigpending(&pending);
        say("USR1 pending %d USR2 pending %d", sigismember(&pending, SIGUSR1), sigismember(&pending, SIGUSR2));
        siginfo_t info;
        sigset_t set = SIGSET(SIGRTMIN);
        struct timespec zero = { 0, 0 };
        int n = 0;
        while (sigtimedwait(&set, &info, &zero) > 0)
            n++;
        say("taken %d, room again: %s", n, outcome(sigqueue(getpid(), SIGRTMIN, value)));
        _exit(0);
    }
    reap(pid, "user");
    return 0;
}
