/* A breakpoint in code, single steps through a function and over a call, registers changed: what a debugger does. */
#include "ptrace.h"

__attribute__((noinline)) static int work(int n)
{
    int sum = 0;
    for (volatile int i = 0; i < n; i++)
        sum += i;
    return sum;
}

int main(void)
{
    struct user_regs_struct regs;
    siginfo_t info;
    int status, steps = 0, over = 0, pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        int result = work(5);
        syscall(SYS_getppid);
        _exit(result);
    }
    wait_and_tell(pid, "begin");
    long word = ptrace(PTRACE_PEEKTEXT, pid, work, 0);
    request("poke", ptrace(PTRACE_POKETEXT, pid, work, (word & ~0xffL) | 0xcc));
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_and_tell(pid, "breakpoint");
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    ptrace(PTRACE_GETSIGINFO, pid, 0, &info);
    printf("at %ld argument %lld in a call %d code %d\n", (long)regs.rip - (long)work, (long long)regs.rdi,
           (long long)regs.orig_rax >= 0, info.si_code);
    ptrace(PTRACE_POKETEXT, pid, work, word);
    regs.rip--;
    regs.rdi = 4;
    request("set registers", ptrace(PTRACE_SETREGS, pid, 0, &regs));
    for (;;) {
        ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
        waitpid(pid, &status, 0);
        if (!WIFSTOPPED(status) || steps++ > 100000)
            break;
        ptrace(PTRACE_GETREGS, pid, 0, &regs);
        ptrace(PTRACE_GETSIGINFO, pid, 0, &info);
        if (regs.eflags & 0x100)
            printf("the trap flag shows\n");
        if (steps <= 3)
            printf("step %d: %s, at %ld, code %d\n", steps, told(status), (long)regs.rip - (long)work, info.si_code);
        if ((long long)regs.orig_rax == SYS_getppid && !over++)
            printf("over the call: %s, code %d, result %d\n", told(status), info.si_code, (int)regs.rax == getpid());
    }
    printf("end: %s, more than twenty steps %d\n", told(status), steps > 20);
    return 0;
}
