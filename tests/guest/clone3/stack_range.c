// clone3 takes the stack's lowest address and its size; the child starts at the top.
#include "guest.h"
int main(void)
{
    char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct clone3_args args = { .exit_signal = SIGCHLD, .stack = (uintptr_t)stack, .stack_size = 65536 };
    long pid;
    unsigned long *box = shared(4096);
    __asm__ volatile("syscall\n\ttest %%rax, %%rax\n\tjnz 1f\n\tmov %%rsp, (%%rbx)\n\tpush $7\n\tpop %%rdi\n\t"
                     "mov $60, %%eax\n\tsyscall\n1:"
                     : "=a"(pid)
                     : "a"((long)SYS_clone3), "D"(&args), "S"(sizeof args), "b"(box)
                     : "rcx", "r11", "memory");
    reap(pid, "child");
    say("started at the top: %d", box[0] == (unsigned long)stack + 65536);
    return 0;
}
