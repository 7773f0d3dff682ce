// The child of vfork is a process of its own: PID, parent, thread group.
#include "guest.h"
static volatile pid_t pid_seen, ppid_seen, tid_seen;
int main(void)
{
    pid_t me = getpid();
    pid_t pid = vfork();
    if (pid == 0) {
        pid_seen = getpid(), ppid_seen = getppid(), tid_seen = syscall(SYS_gettid);
        _exit(0);
    }
    YES(pid_seen == pid);
    YES(tid_seen == pid);
    YES(ppid_seen == me);
    YES(getpid() == me);
    reap(pid, "child");
    return 0;
}
