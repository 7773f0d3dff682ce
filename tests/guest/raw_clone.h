/* The bare clone call: child runs on a stack of its own, or on the caller's copy where memory is not shared. */
#ifndef RAW_CLONE_H
#define RAW_CLONE_H
#include "guest.h"
static inline long raw_clone(unsigned long flags, void *stack, int *parent_tid, int *child_tid, unsigned long tls)
{
    return syscall(SYS_clone, flags, stack, parent_tid, child_tid, tls);
}

/* The child calls run(argument) on the stack that ends at `top` and exits with its result. The C library's own
 * clone() refuses some flags. */
static inline pid_t clone_on(void *top, unsigned long flags, int (*run)(void *), void *argument, int *parent_tid,
                             int *child_tid)
{
    register int *r10 __asm__("r10") = child_tid;
    register unsigned long r8 __asm__("r8") = 0;
    register int (*r12)(void *) __asm__("r12") = run;
    register void *r13 __asm__("r13") = argument;
    long pid;
    __asm__ volatile("syscall\n\ttest %%rax, %%rax\n\tjnz 1f\n\txor %%ebp, %%ebp\n\tmov %%r13, %%rdi\n\t"
                     "call *%%r12\n\tmov %%eax, %%edi\n\tmov $60, %%eax\n\tsyscall\n1:"
                     : "=a"(pid)
                     : "a"(SYS_clone), "D"(flags), "S"((unsigned long)top & -16), "d"(parent_tid), "r"(r10), "r"(r8),
                       "r"(r12), "r"(r13)
                     : "rcx", "r11", "memory");
    if (pid < 0) {
        errno = -pid;
        return -1;
    }
    return pid;
}

/* clone_on with a fresh stack; must work. */
static inline pid_t clone_run(unsigned long flags, int (*run)(void *), void *argument)
{
    char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pid_t pid = clone_on(stack + 65536, flags, run, argument, NULL, NULL);
    if (pid == -1)
        die("clone");
    return pid;
}
#endif
