// What a handler may write into its frame, and what rt_sigreturn does with it.
#include "guest.h"
#include <ucontext.h>
static int how;
static void spoil(int number, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    char *fpu = (char *)uc->uc_mcontext.fpregs;
    unsigned bad_mxcsr = 0xffff1f80;
    switch (how) {
    case 0: break;
    case 1: memcpy(fpu + 24, &bad_mxcsr, 4); break;
    case 2: uc->uc_mcontext.fpregs = NULL; break;
    case 3: uc->uc_mcontext.fpregs = (void *)0x1234; break;
    case 4: uc->uc_mcontext.gregs[REG_CSGSFS] = 0x10 | 0x2bL << 48; break;
    case 5: uc->uc_mcontext.gregs[REG_RIP] = 1L << 63; break;
    case 6: memset(&uc->uc_sigmask, 0xff, 8); break;
    case 7: uc->uc_mcontext.gregs[REG_EFL] = ~0x40100L; break;
    case 8: uc->uc_mcontext.gregs[REG_RAX] = -512; break;
    case 9: uc->uc_mcontext.gregs[REG_RSP] = 0x1000; break;
    }
}
static void report(void)
{
    unsigned mxcsr;
    unsigned long mask = 0;
    __asm__ volatile("cld; stmxcsr %0" : "=m"(mxcsr));
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &mask, 8);
    say("  mxcsr %x mask %lx", mxcsr, mask);
}
int main(void)
{
    on_siginfo(SIGUSR1, spoil, 0);
    for (how = 0; how < 10; how++) {
        pid_t pid = spawn();
        if (pid == 0) {
            long result = syscall(SYS_tkill, getpid(), SIGUSR1);
            say("%d: tkill %ld %s", how, result, result == -1 ? err(errno) : "");
            report();
            _exit(0);
        }
        reap(pid, "child");
    }
    pid_t pid = spawn();
    if (pid == 0) {
        syscall(SYS_rt_sigreturn);
        _exit(0);
    }
    reap(pid, "no frame at all");
    pid = spawn();
    if (pid == 0) {
        struct { void *handler; unsigned long flags; void *restorer; unsigned long mask; } action = { spoil, SA_SIGINFO, 0, 0 };
        MUST(syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 8));
        raise(SIGUSR1);
        _exit(0);
    }
    reap(pid, "no restorer");
    return 0;
}
