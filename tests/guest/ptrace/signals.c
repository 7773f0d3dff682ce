/* Signal-delivery-stops: seen, suppressed, exchanged, changed in their details; ignored and blocked signals. */
#include "ptrace.h"

static volatile int seen, value;

static void handler(int sig, siginfo_t *info, void *context)
{
    (void)context;
    seen = sig;
    value = info->si_value.sival_int;
}

static int tracee(void)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
    signal(SIGWINCH, SIG_IGN);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    raise(SIGUSR1); /* let through */
    if (seen != SIGUSR1)
        return 1;
    seen = 0;
    raise(SIGUSR1); /* suppressed */
    if (seen)
        return 2;
    raise(SIGUSR1); /* exchanged for SIGUSR2 */
    if (seen != SIGUSR2)
        return 3;
    raise(SIGWINCH); /* ignored, and still shown */
    sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 5}); /* the value is changed to 6 */
    if (value != 6)
        return 4;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    seen = 0;
    raise(SIGUSR2); /* exchanged for the blocked SIGUSR1 */
    if (seen)
        return 5;
    sigprocmask(SIG_UNBLOCK, &set, NULL); /* now it comes, and is shown again */
    if (seen != SIGUSR1)
        return 6;
    raise(SIGTERM); /* let through: the end */
    return 7;
}

int main(void)
{
    siginfo_t info;
    int pid = fork();
    if (pid == 0)
        _exit(tracee());
    wait_and_tell(pid, "raise");
    request("info", ptrace(PTRACE_GETSIGINFO, pid, 0, &info));
    printf("signal %d code %d from itself %d\n", info.si_signo, info.si_code, info.si_pid == pid);
    request("cont", ptrace(PTRACE_CONT, pid, 0, 0));
    wait_and_tell(pid, "first");
    ptrace(PTRACE_CONT, pid, 0, SIGUSR1);
    wait_and_tell(pid, "second");
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_and_tell(pid, "third");
    ptrace(PTRACE_CONT, pid, 0, SIGUSR2);
    wait_and_tell(pid, "ignored");
    ptrace(PTRACE_CONT, pid, 0, SIGWINCH);
    wait_and_tell(pid, "queued");
    ptrace(PTRACE_GETSIGINFO, pid, 0, &info);
    printf("code %d value %d\n", info.si_code, info.si_value.sival_int);
    info.si_value.sival_int = 6;
    request("set info", ptrace(PTRACE_SETSIGINFO, pid, 0, &info));
    ptrace(PTRACE_CONT, pid, 0, SIGUSR1);
    wait_and_tell(pid, "exchanged");
    ptrace(PTRACE_CONT, pid, 0, SIGUSR1);
    wait_and_tell(pid, "unblocked");
    ptrace(PTRACE_GETSIGINFO, pid, 0, &info);
    printf("code %d from the tracer %d\n", info.si_code, info.si_pid == getpid());
    ptrace(PTRACE_CONT, pid, 0, SIGUSR1);
    wait_and_tell(pid, "last");
    ptrace(PTRACE_CONT, pid, 0, SIGTERM);
    wait_and_tell(pid, "end");
    return 0;
}
