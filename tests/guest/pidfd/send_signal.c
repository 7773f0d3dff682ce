// pidfd_send_signal ends the right process, carries siginfo, respects permission.
#include "guest.h"
static volatile sig_atomic_t value, from;
static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    value = info->si_value.sival_int, from = info->si_pid == getppid();
}
int main(void)
{
    struct gate ready = new_gate();
    pid_t pid = spawn();
    if (pid == 0) {
        on_siginfo(SIGUSR1, handler, 0);
        sigset_t old = block(SIGSET(SIGUSR1));
        open_gate(ready);
        while (!value)
            sigsuspend(&old);
        say("value %d, from the parent %d", (int)value, (int)from);
        open_gate(ready);
        for (;;)
            pause();
    }
    pass_gate(ready);
    int fd = MUST(syscall(SYS_pidfd_open, pid, 0));
    siginfo_t info = { .si_signo = SIGUSR1, .si_code = SI_QUEUE };
    info.si_pid = getpid();
    info.si_value.sival_int = 33;
    MUST(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, &info, 0));
    pass_gate(ready);
    TRYAS("TERM", syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
    reap(pid, "child");
    return 0;
}
