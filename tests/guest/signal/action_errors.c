// The errnos of sigaction and the mask calls, by the bare calls; KILL and STOP cannot be blocked.
#include "guest.h"
struct kernel_action { void *handler; unsigned long flags; void *restorer; unsigned long mask; };
int main(void)
{
    struct kernel_action action = { SIG_IGN, 0, NULL, 0 }, old;
    unsigned long set = ~0UL, now = 0;
    TRYAS("signal 0", syscall(SYS_rt_sigaction, 0, &action, NULL, 8));
    TRYAS("signal 65", syscall(SYS_rt_sigaction, 65, &action, NULL, 8));
    TRYAS("KILL", syscall(SYS_rt_sigaction, SIGKILL, &action, NULL, 8));
    TRYAS("STOP", syscall(SYS_rt_sigaction, SIGSTOP, &action, NULL, 8));
    TRYAS("KILL, only asking", syscall(SYS_rt_sigaction, SIGKILL, NULL, &old, 8));
    TRYAS("size 4", syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 4));
    TRYAS("bad new", syscall(SYS_rt_sigaction, SIGUSR1, 8, NULL, 8));
    TRYAS("bad old", syscall(SYS_rt_sigaction, SIGUSR1, NULL, 8, 8));
    TRYAS("mask how", syscall(SYS_rt_sigprocmask, 9, &set, NULL, 8));
    TRYAS("mask how, no set", syscall(SYS_rt_sigprocmask, 9, NULL, &now, 8));
    TRYAS("mask size", syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 16));
    TRYAS("mask bad new", syscall(SYS_rt_sigprocmask, SIG_BLOCK, 8, NULL, 8));
    TRYAS("mask bad old", syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, 8, 8));
    TRYAS("all", syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, NULL, 8));
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &now, 8);
    say("mask %#lx", now);
    set = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, NULL, 8);
    TRYAS("pending size 16", syscall(SYS_rt_sigpending, &now, 16));
    TRYAS("pending bad address", syscall(SYS_rt_sigpending, 8, 8));
    TRYAS("suspend size", syscall(SYS_rt_sigsuspend, &set, 4));
    TRYAS("suspend bad address", syscall(SYS_rt_sigsuspend, 8, 8));
    return 0;
}
