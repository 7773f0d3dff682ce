// A thread made by clone3 with exit signal 0: no zombie, TID cleared at its end.
#include "guest.h"
static volatile int cleared = -1;
static volatile long seen[2];
int main(void)
{
    char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct clone3_args args = {
        .flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_CHILD_CLEARTID |
                 CLONE_CHILD_SETTID,
        .child_tid = (uintptr_t)&cleared,
        .stack = (uintptr_t)stack,
        .stack_size = 65536,
    };
    long tid;
    __asm__ volatile("syscall\n\ttest %%rax, %%rax\n\tjnz 1f\n\tmov $39, %%eax\n\tsyscall\n\tmov %%rax, (%%rbx)\n\t"
                     "mov $186, %%eax\n\tsyscall\n\tmov %%rax, 8(%%rbx)\n\txor %%edi, %%edi\n\tmov $60, %%eax\n\t"
                     "syscall\n1:"
                     : "=a"(tid)
                     : "a"((long)SYS_clone3), "D"(&args), "S"(sizeof args), "b"(seen)
                     : "rcx", "r11", "memory");
    int now;
    while ((now = __atomic_load_n(&cleared, __ATOMIC_SEQ_CST)) != 0)
        syscall(SYS_futex, &cleared, 0, now, NULL);
    YES(tid > 0);
    YES(seen[0] == getpid());
    YES(seen[1] == tid);
    TRY(waitpid(-1, NULL, __WALL));
    return 0;
}
