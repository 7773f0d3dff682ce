// kcmp(2): what a fork and each kind of clone share; order of what differs is a total order; errors.
#include "guest.h"
#include <sys/epoll.h>
enum { FILE_, VM, FILES, FS, SIGHAND, IO, SYSVSEM, EPOLL_TFD };
static long kc(int a, int b, int type, long x, long y) { return syscall(SYS_kcmp, a, b, type, x, y); }
static int nap(void *unused) { pause(); return 0; }
static char stack[16384];
static void sharing(const char *name, int pid)
{
    char line[100] = "";
    for (int type = VM; type <= SYSVSEM; type++)
        sprintf(line + strlen(line), " %d", kc(getpid(), pid, type, 0, 0) == 0);
    say("%s:%s", name, line);
    kill(pid, SIGKILL);
    waitpid(pid, 0, __WALL);
}
static void result(const char *name, long value)
{
    say("%s: %s", name, value == -1 ? err(errno) : value == 0 ? "same" : "different");
}
int main(void)
{
    int me = getpid(), null = MUST(open("/dev/null", O_RDONLY)), again = dup(null), other = MUST(open("/dev/null", O_RDONLY));
    result("dup", kc(me, me, FILE_, null, again));
    result("another open", kc(me, me, FILE_, null, other));
    result("no such descriptor", kc(me, me, FILE_, null, 99));
    long there = kc(me, me, FILE_, null, other), back = kc(me, me, FILE_, other, null);
    say("order is antisymmetric: %d", there + back == 3 && there != back);
    int child = fork();
    if (!child)
        nap(0);
    result("a file across fork", kc(me, child, FILE_, null, again));
    sharing("fork", child);
    int flags[] = { CLONE_VM, CLONE_FILES, CLONE_FS, CLONE_VM | CLONE_SIGHAND, CLONE_IO, CLONE_SYSVSEM };
    const char *names[] = { "VM", "FILES", "FS", "SIGHAND", "IO", "SYSVSEM" };
    for (int i = 0; i < NELEM(flags); i++)
        sharing(names[i], MUST(clone(nap, stack + sizeof stack, flags[i] | SIGCHLD, 0)));
    result("myself", kc(me, me, VM, 0, 0));
    result("nobody", kc(me, 4000000, VM, 0, 0));
    result("type below", kc(me, me, -1, 0, 0));
    result("type above", kc(me, me, 8, 0, 0));
    int ep = MUST(epoll_create1(0)), pair[2];
    MUST(pipe(pair));
    struct epoll_event event = { .events = EPOLLIN };
    MUST(epoll_ctl(ep, EPOLL_CTL_ADD, pair[0], &event));
    unsigned slot[3] = { ep, pair[0], 0 };
    result("watched", kc(me, me, EPOLL_TFD, pair[0], (long)slot));
    result("not that one", kc(me, me, EPOLL_TFD, pair[1], (long)slot));
    slot[2] = 1;
    result("no second", kc(me, me, EPOLL_TFD, pair[0], (long)slot));
    slot[2] = 0, slot[1] = null;
    result("not watched", kc(me, me, EPOLL_TFD, pair[0], (long)slot));
    slot[0] = null;
    result("no epoll", kc(me, me, EPOLL_TFD, pair[0], (long)slot));
    result("no slot", kc(me, me, EPOLL_TFD, pair[0], 0));
    result("no such descriptor", kc(me, me, EPOLL_TFD, 77, (long)slot));
    child = fork();
    if (!child)
        _exit(0);
    siginfo_t info;
    waitid(P_PID, child, &info, WEXITED | WNOWAIT);
    result("a zombie's memory", kc(child, child, VM, 0, 0));
    waitpid(child, 0, 0);
    result("a reaped one", kc(me, child, VM, 0, 0));
    return 0;
}
