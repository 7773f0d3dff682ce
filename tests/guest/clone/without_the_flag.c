// What each flag asks for does not happen without it: the child is a copy, and a child of the caller's.
#include "../raw_clone.h"
#include <asm/prctl.h>
static int *parent_tid, *child_tid, *order;
static volatile int memory;
static int handled;
static void handler(int number) { (void)number; handled++; }
static unsigned long fs_base(void)
{
    unsigned long base = 0;
    syscall(SYS_arch_prctl, ARCH_GET_FS, &base);
    return base;
}
static unsigned long base_before;
static pid_t maker;
static int child(void *unused)
{
    (void)unused;
    memory = 2;                          // VM
    chdir("/proc");                      // FS
    umask(077);
    close(0);                            // FILES
    struct sigaction now;
    sigaction(SIGUSR1, NULL, &now);
    say("CLEAR_SIGHAND: handler inherited %d", now.sa_handler == handler);
    signal(SIGUSR1, SIG_IGN);            // SIGHAND
    say("PARENT: my parent is the caller %d", getppid() == maker);
    say("THREAD: a process of its own %d", getpid() == syscall(SYS_gettid) && getpid() != maker);
    say("SETTLS: the base is the caller's %d", fs_base() == base_before);
    say("CHILD_SETTID: %d", *child_tid);
    pause_ms(30);
    order[0]++; // VFORK: the parent was here before
    return 7;
}
int main(void)
{
    int before, after;
    parent_tid = shared(4096), child_tid = parent_tid + 1, order = parent_tid + 2;
    *parent_tid = *child_tid = -5;
    maker = getpid();
    memory = 1;
    base_before = fs_base();
    umask(022);
    MUST(chdir("/"));
    on_signal(SIGUSR1, handler, 0);
    before = dup(1);
    close(before);
    char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pid_t pid = clone_on(stack + 65536, SIGCHLD, child, NULL, parent_tid, child_tid);
    int unfinished = order[0] == 0, number = *parent_tid;
    after = dup(1);
    close(after);
    siginfo_t info;
    MUST(waitid(P_PID, pid, &info, WEXITED | WNOWAIT)); // on another CPU the child speaks at the same time
    say("VFORK: the child has not ended %d", unfinished);
    say("PIDFD: no descriptor more %d", before == after);
    say("PARENT_SETTID: %d", number);
    say("CHILD_CLEARTID: %d", *child_tid);
    reap(pid, "a child to be waited for");
    char path[64];
    say("VM: %d", memory);
    mode_t mask = umask(0);
    say("FS: %s %o", getcwd(path, sizeof path), mask);
    say("FILES: descriptor 0 is open %d", fcntl(0, F_GETFD) != -1);
    raise(SIGUSR1);
    say("SIGHAND: handled %d", handled);
    return 0;
}
