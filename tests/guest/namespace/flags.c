// Every CLONE_NEW* flag by clone, unshare, setns and a pidfd: shared without it, its own with it; what is refused.
// needs: root
#include "ns.h"
static const struct kind { const char *name; unsigned long flag; } kinds[] = {
    { "uts", CLONE_NEWUTS }, { "ipc", CLONE_NEWIPC }, { "mnt", CLONE_NEWNS }, { "pid_for_children", CLONE_NEWPID },
    { "net", CLONE_NEWNET }, { "time_for_children", CLONE_NEWTIME }, { "cgroup", CLONE_NEWCGROUP },
    { "user", CLONE_NEWUSER },
};
enum { KINDS = NELEM(kinds) };
struct set { ino_t ino[KINDS]; };
static struct set all(void)
{
    struct set set;
    for (int i = 0; i < KINDS; i++)
        set.ino[i] = ns_ino(kinds[i].name);
    return set;
}
/* The kinds in which we differ from `old`. */
static void differ(const char *when, struct set old)
{
    char text[256] = "";
    struct set new = all();
    for (int i = 0; i < KINDS; i++)
        if (new.ino[i] != old.ino[i])
            strcat(strcat(text, " "), kinds[i].name);
    say("%s: new%s", when, *text ? text : " none");
}
static pid_t clone3_flags(unsigned long flags, int signal)
{
    struct clone3_args args = { .flags = flags, .exit_signal = signal };
    return clone3(&args, sizeof args);
}
static void by_pidfd(int i, struct set old)
{
    struct gate made = new_gate(), go = new_gate();
    pid_t pid = MUST(clone3_flags(kinds[i].flag, SIGCHLD));
    if (pid == 0) {
        open_gate(made);
        pass_gate(go);
        _exit(0);
    }
    pass_gate(made);
    int fd = MUST(syscall(SYS_pidfd_open, pid, 0));
    pid_t inside = spawn();
    if (inside == 0) {
        TRYAS(kinds[i].name, sys_setns(fd, kinds[i].flag));
        differ("entered by pidfd", old);
        _exit(0);
    }
    waitpid(inside, 0, 0);
    open_gate(go);
    waitpid(pid, 0, 0);
    TRYAS("the dead one's", sys_setns(fd, kinds[i].flag));
}
static void refused(const char *who)
{
    say("-- %s", who);
    static const struct { const char *name; unsigned long flags; } bad[] = {
        { "NEWNS|FS", CLONE_NEWNS | CLONE_FS }, { "NEWUSER|FS", CLONE_NEWUSER | CLONE_FS },
        { "NEWUSER|THREAD", CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM },
        { "NEWPID|THREAD", CLONE_NEWPID | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM },
        { "NEWIPC|SYSVSEM", CLONE_NEWIPC | CLONE_SYSVSEM },
        { "NEWUSER|NEWNS|FS", CLONE_NEWUSER | CLONE_NEWNS | CLONE_FS },
        { "NEWUSER|NEWIPC|SYSVSEM", CLONE_NEWUSER | CLONE_NEWIPC | CLONE_SYSVSEM },
    };
    for (int i = 0; i < NELEM(bad); i++) {
        pid_t pid = sys_clone(bad[i].flags);
        if (pid == 0)
            _exit(0);
        TRYAS(bad[i].name, pid);
        if (pid > 0)
            waitpid(pid, 0, 0);
    }
    for (int i = 0; i < KINDS; i++) {
        pid_t pid = clone3_flags(kinds[i].flag, SIGCHLD);
        if (pid == 0)
            _exit(0);
        say("clone3 %s: %s", kinds[i].name, outcome(pid));
        if (pid > 0)
            waitpid(pid, 0, 0);
        pid = clone3_flags(kinds[i].flag | CLONE_NEWUSER, SIGCHLD);
        if (pid == 0)
            _exit(0);
        say("clone3 %s with NEWUSER: %s", kinds[i].name, outcome(pid));
        if (pid > 0)
            waitpid(pid, 0, 0);
        pid = spawn();
        if (pid == 0) {
            TRYAS("unshare", sys_unshare(kinds[i].flag));
            TRYAS("unshare again", sys_unshare(kinds[i].flag));
            TRYAS("unshare with THREAD", sys_unshare(kinds[i].flag | CLONE_THREAD));
            _exit(0);
        }
        waitpid(pid, 0, 0);
    }
    TRYAS("unshare of nothing", sys_unshare(0));
    TRYAS("unshare of what cannot be", sys_unshare(CLONE_NEWUTS | CLONE_VFORK));
}
int main(void)
{
    struct set old = all();
    pid_t pid = spawn();
    if (pid == 0) {
        differ("fork", old);
        _exit(0);
    }
    waitpid(pid, 0, 0);
    unsigned long every = 0;
    for (int i = 0; i < KINDS; i++) {
        every |= kinds[i].flag;
        say("-- %s", kinds[i].name);
        pid = MUST(clone3_flags(kinds[i].flag, SIGCHLD));
        if (pid == 0) {
            if (kinds[i].flag != CLONE_NEWPID) /* its /proc would be that of another PID namespace */
                differ("clone3", old);
            _exit(0);
        }
        waitpid(pid, 0, 0);
        pid = spawn();
        if (pid == 0) {
            MUST(sys_unshare(kinds[i].flag));
            if (kinds[i].flag != CLONE_NEWPID)
                differ("unshare", old);
            pid_t below = spawn();
            if (below == 0) {
                if (kinds[i].flag != CLONE_NEWPID)
                    differ("its child", old);
                _exit(0);
            }
            waitpid(below, 0, 0);
            _exit(0);
        }
        waitpid(pid, 0, 0);
        by_pidfd(i, old);
    }
    pid = MUST(clone3_flags(every & ~CLONE_NEWPID, SIGCHLD));
    if (pid == 0) {
        differ("all at once", old);
        _exit(0);
    }
    waitpid(pid, 0, 0);
    differ("the parent", old);
    refused("root");
    pid = spawn();
    if (pid == 0) {
        MUST(setgid(1000));
        MUST(setuid(1000));
        refused("a user");
        _exit(0);
    }
    waitpid(pid, 0, 0);
    return 0;
}
