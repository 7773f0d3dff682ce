// CLONE_THREAD: same PID, own TID, no child to wait for, no signal at its end; CLEARTID wakes a futex.
#include "raw_clone.h"
static volatile pid_t pid_in, tid_in, ppid_in;
static int cleared = 1;
static int thread(void *unused)
{
    (void)unused;
    pid_in = syscall(SYS_getpid), tid_in = syscall(SYS_gettid), ppid_in = syscall(SYS_getppid);
    syscall(SYS_exit, 3);
    return 0;
}
int main(void)
{
    char *stack = malloc(65536);
    int tid_box = 0;
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID |
                CLONE_CHILD_CLEARTID;
    pid_t tid = MUST(clone_on(stack + 65536, flags, thread, NULL, &tid_box, &cleared));
    while (__atomic_load_n(&cleared, __ATOMIC_SEQ_CST))
        syscall(SYS_futex, &cleared, 0, 1, NULL);
    YES(tid > 0);
    YES(tid_box == tid);
    YES(pid_in == getpid());
    YES(tid_in == tid);
    YES(tid_in != pid_in);
    YES(ppid_in == getppid());
    TRY(waitpid(tid, NULL, __WALL));
    return 0;
}
