/* Registers of a stopped task, by each way of asking, and words of its memory. */
#include "ptrace.h"

static volatile long cell = 77;
static const long constant = 33;
static volatile double real;

int main(void)
{
    int pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        register double x asm("xmm3") = 2.5;
        asm volatile("" : "+x"(x));
        asm volatile("mov $0x1122334455667788, %%r12; mov $0x99, %%r13; int3; mov %%r12, %0; movsd %%xmm3, %1"
                     : "=m"(cell), "=m"(real) : "x"(x) : "r12", "r13", "memory");
        _exit(cell == 5 && real == 4.5 && *(volatile const long *)&constant == 34 ? 0 : 1);
    }
    wait_and_tell(pid, "trap");
    struct user_regs_struct regs, again;
    struct user_fpregs_struct fp;
    struct iovec part = {&again, sizeof again};
    request("getregs", ptrace(PTRACE_GETREGS, pid, 0, &regs));
    printf("r12 %#llx r13 %#llx cs %#llx ss %#llx ds %llx es %llx fs %llx gs %llx orig %lld base %d\n", regs.r12, regs.r13,
           regs.cs, regs.ss, regs.ds, regs.es, regs.fs, regs.gs, (long long)regs.orig_rax, regs.fs_base != 0);
    request("regset", ptrace(PTRACE_GETREGSET, pid, 1, &part));
    printf("same %d length %d\n", !memcmp(&regs, &again, sizeof regs), part.iov_len == sizeof regs);
    part.iov_len = 24;
    request("regset, a part", ptrace(PTRACE_GETREGSET, pid, 1, &part));
    printf("length %d\n", (int)part.iov_len);
    part.iov_len = 7;
    request("regset, odd", ptrace(PTRACE_GETREGSET, pid, 1, &part));
    part.iov_len = 8;
    request("regset, unknown", ptrace(PTRACE_GETREGSET, pid, 0x7777, &part));
    printf("peekuser %d %ld\n",
           (unsigned long)ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, r12), 0) == regs.r12,
           ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, u_debugreg), 0));
    errno = 0;
    long word = ptrace(PTRACE_PEEKUSER, pid, 4, 0);
    printf("peekuser, unaligned: %ld errno %d\n", word, errno);
    errno = 0;
    word = ptrace(PTRACE_PEEKUSER, pid, sizeof(struct user) + 64, 0);
    printf("peekuser, beyond: %ld errno %d\n", word, errno);
    request("pokeuser r12", ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, r12), 5));
    request("pokeuser cs", ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, cs), 0));
    request("pokeuser fs_base", ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, fs_base), -1L));
    request("getfpregs", ptrace(PTRACE_GETFPREGS, pid, 0, &fp));
    double value;
    memcpy(&value, &fp.xmm_space[12], 8);
    printf("xmm3 %.1f control %#x mxcsr %#x\n", value, fp.cwd, fp.mxcsr);
    value = 4.5;
    memcpy(&fp.xmm_space[12], &value, 8);
    request("setfpregs", ptrace(PTRACE_SETFPREGS, pid, 0, &fp));
    printf("cell %ld constant %ld\n", ptrace(PTRACE_PEEKDATA, pid, &cell, 0), ptrace(PTRACE_PEEKDATA, pid, &constant, 0));
    request("poke read-only memory", ptrace(PTRACE_POKEDATA, pid, &constant, 34));
    errno = 0;
    word = ptrace(PTRACE_PEEKDATA, pid, 8, 0);
    printf("peek nothing: %ld errno %d\n", word, errno);
    request("poke nothing", ptrace(PTRACE_POKEDATA, pid, 8, 1));
    uint64_t mask = 0;
    request("mask", ptrace(0x420a, pid, 8, &mask));
    printf("mask %llx\n", (unsigned long long)mask);
    request("mask, size", ptrace(0x420a, pid, 4, &mask));
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_and_tell(pid, "end");
    return 0;
}
