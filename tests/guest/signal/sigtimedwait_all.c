// sigtimedwait takes a pending signal without its handler, times out with EAGAIN, and is cut by another's handler.
#include "guest.h"
static void handler(int number) { say("handler of %s", sig(number)); }
int main(void)
{
    on_signal(SIGUSR1, handler, 0);
    on_signal(SIGUSR2, handler, 0);
    block(SIGSET(SIGUSR1, SIGCHLD));
    sigset_t set = SIGSET(SIGUSR1, SIGCHLD);
    siginfo_t info;
    struct timespec zero = { 0, 0 }, some = { 0, 20 * MS }, bad = { 0, 1000000000 }, lots = { 100, 0 };
    TRY(sigtimedwait(&set, &info, &zero));
    TRY(sigtimedwait(&set, &info, &some));
    TRY(sigtimedwait(&set, &info, &bad));
    raise(SIGUSR1);
    say("got %s code %d", sig(sigtimedwait(&set, &info, &zero)), info.si_code == SI_TKILL);
    pid_t pid = spawn();
    if (pid == 0)
        _exit(12);
    say("got %s status %d pid %d", sig(sigwaitinfo(&set, &info)), info.si_status, info.si_pid == pid);
    waitpid(pid, NULL, 0);
    pid_t me = getpid();
    pid = spawn();
    if (pid == 0) {
        until_state(me, 'S');
        kill(me, SIGUSR2);
        _exit(0);
    }
    sigset_t only = SIGSET(SIGUSR1);
    TRYAS("cut short", syscall(SYS_rt_sigtimedwait, &only, &info, &lots, 8)); // the library's tries again
    waitpid(pid, NULL, 0);
    int number = 0;
    raise(SIGUSR1);
    say("sigwait %d %s", sigwait(&only, &number), sig(number));
    return 0;
}
