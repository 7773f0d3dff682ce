// A handler gets siginfo and context; what it changes in the context is what goes on.
#include "guest.h"
#include <ucontext.h>
static volatile int here;
static void handler(int number, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    here = number;
    say("code %d pid %d uid %d", info->si_code == SI_USER, info->si_pid == getpid(), info->si_uid == getuid());
    uc->uc_mcontext.gregs[REG_RBX] = 0x1234;
    sigaddset(&uc->uc_sigmask, SIGUSR2);
}
int main(void)
{
    on_siginfo(SIGUSR1, handler, 0);
    long result, pid = getpid(), changed;
    __asm__ volatile("mov $0x99, %%ebx\n\tsyscall\n\tmov %%rbx, %1"
                     : "=a"(result), "=r"(changed)
                     : "a"((long)SYS_kill), "D"(pid), "S"((long)SIGUSR1)
                     : "rbx", "rcx", "r11", "memory");
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    say("result %ld, rbx %#lx, USR2 blocked %d", result, changed, sigismember(&mask, SIGUSR2));
    return 0;
}
