// CLONE_SETTLS gives the child its own FS base; the parent keeps its own.
#include "raw_clone.h"
static unsigned long area[64] __attribute__((aligned(64)));
int main(void)
{
    unsigned long before, after;
    syscall(SYS_arch_prctl, 0x1003, &before);
    int *box = shared(4096);
    area[0] = (unsigned long)area;
    area[1] = 0x1234;
    long pid, value = 0;
    register unsigned long tls __asm__("r8") = (unsigned long)area;
    register long child_tid __asm__("r10") = 0;
    __asm__ volatile("syscall\n\ttest %%rax, %%rax\n\tjnz 1f\n\tmov %%fs:8, %%rdx\n\tmov %%rdx, (%%rbx)\n\t"
                     "mov $60, %%eax\n\txor %%edi, %%edi\n\tsyscall\n1:"
                     : "=a"(pid)
                     : "a"(SYS_clone), "D"((long)(CLONE_SETTLS | SIGCHLD)), "S"(0L), "d"(0L), "r"(child_tid), "r"(tls),
                       "b"(box)
                     : "rcx", "r11", "memory");
    reap(pid, "child");
    value = box[0];
    syscall(SYS_arch_prctl, 0x1003, &after);
    say("child read %#lx, parent's base kept %d", value, before == after);
    return 0;
}
