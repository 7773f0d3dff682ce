// The child has every general register of the parent but rax, rcx and r11, which the call itself changes.
#include "guest.h"
int main(void)
{
    unsigned long r[6];
    long result;
    __asm__ volatile("mov $0x1111, %%rbx\n\tmov $0x2222, %%r12\n\tmov $0x3333, %%r13\n\tmov $0x4444, %%r14\n\t"
                     "mov $0x5555, %%r15\n\tmov $0x6666, %%r10\n\tmov $57, %%eax\n\tsyscall\n\t"
                     "mov %%rbx, 0(%1)\n\tmov %%r12, 8(%1)\n\tmov %%r13, 16(%1)\n\tmov %%r14, 24(%1)\n\t"
                     "mov %%r15, 32(%1)\n\tmov %%r10, 40(%1)"
                     : "=&a"(result)
                     : "r"(r)
                     : "rbx", "rcx", "r10", "r11", "r12", "r13", "r14", "r15", "memory");
    const char *who = result ? "parent" : "child";
    if (result)
        waitpid(result, NULL, 0);
    say("%s %lx %lx %lx %lx %lx %lx", who, r[0], r[1], r[2], r[3], r[4], r[5]);
    _exit(0);
}
