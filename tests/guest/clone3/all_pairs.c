// Every flag of clone3 with every other one, with and without an exit signal: what is refused, and with which errno.
// CLONE_INTO_CGROUP is given a descriptor that is none of a cgroup, so what comes before EBADF shows.
// needs: root linux-6.12
// timeout: 60
#define CLONE3_PAIRS
#include "../clone_pairs.h"
static int exit_signal, wrong_dir;
static long clone3_on_stack(struct clone3_args *args)
{
    register int (*run)(void *) __asm__("r12") = child;
    long pid;
    __asm__ volatile("syscall\n\ttest %%rax, %%rax\n\tjnz 1f\n\txor %%ebp, %%ebp\n\txor %%edi, %%edi\n\tcall *%%r12\n\t"
                     "mov %%eax, %%edi\n\tmov $60, %%eax\n\tsyscall\n1:"
                     : "=a"(pid)
                     : "a"(SYS_clone3), "D"(args), "S"(sizeof *args), "r"(run)
                     : "rcx", "r11", "memory");
    if (pid < 0) {
        errno = -pid;
        return -1;
    }
    return pid;
}
static const char *attempt(uint64_t set)
{
    box[0] = box[1] = box[2] = -1;
    struct clone3_args args = {
        .flags = set,
        .pidfd = (uintptr_t)&box[0],
        .child_tid = (uintptr_t)&box[1],
        .parent_tid = (uintptr_t)&box[2],
        .exit_signal = exit_signal,
        .stack = (uintptr_t)stack,
        .stack_size = 65536,
        .cgroup = wrong_dir,
    };
    long pid = clone3_on_stack(&args);
    return pid == -1 ? err(errno) : gone(pid, set);
}
static void tables(void)
{
    wrong_dir = open("/", O_RDONLY | O_DIRECTORY);
    exit_signal = SIGCHLD;
    table(0, "SIGCHLD");
    table(CLONE_VM | CLONE_SIGHAND, "SIGCHLD VM|SIGHAND");
    exit_signal = 0;
    table(0, "no signal");
    table(CLONE_VM, "no signal VM");
    table(CLONE_VM | CLONE_SIGHAND, "no signal VM|SIGHAND");
    table(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, "no signal VM|SIGHAND|THREAD");
}
int main(void) { return run_tables(tables); }
