// uid_map, gid_map and setgroups: who may write what, once; every malformed map.
// needs: root
#include "ns.h"
static struct gate made, mapped;
static char path[64];
static const char *file_of(pid_t pid, const char *name)
{
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return path;
}
static void ids(const char *when)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;
    getresuid(&r, &e, &s);
    getresgid(&rg, &eg, &sg);
    say("%s: uid %d %d %d gid %d %d %d", when, (int)r, (int)e, (int)s, (int)rg, (int)eg, (int)sg);
}
/* A child in a user namespace of its own that waits until it is mapped, then goes on with `then`. */
static pid_t start(void (*then)(void))
{
    made = new_gate(), mapped = new_gate();
    pid_t pid = MUST(sys_clone(CLONE_NEWUSER));
    if (pid == 0) {
        open_gate(made);
        pass_gate(mapped);
        then();
        _exit(0);
    }
    pass_gate(made);
    return pid;
}
static void end(pid_t pid)
{
    open_gate(mapped);
    reap(pid, "child");
}
static void show(void)
{
    ids("mapped");
    say("uid_map %s", get_file("/proc/self/uid_map"));
    say("gid_map %s", get_file("/proc/self/gid_map"));
    TRY(setuid(7));
    TRY(setuid(4));
    ids("after setuid");
    TRY(setgid(9));
    TRY(setgid(3));
    TRY(setuid(0));
}
static void nothing(void) {}
static void own_map(void)
{
    TRYAS("other's id", put_file("/proc/self/uid_map", "0 5 1"));
    TRYAS("two", put_file("/proc/self/uid_map", "0 1000 2"));
    TRYAS("own", put_file("/proc/self/uid_map", "7 1000 1"));
    TRYAS("again", put_file("/proc/self/uid_map", "7 1000 1"));
    TRYAS("gid before deny", put_file("/proc/self/gid_map", "8 1001 1"));
    say("setgroups %s", get_file("/proc/self/setgroups"));
    TRYAS("nonsense", put_file("/proc/self/setgroups", "denied"));
    TRYAS("long", put_file("/proc/self/setgroups", "deny     "));
    TRYAS("deny", put_file("/proc/self/setgroups", "deny\n"));
    TRYAS("allow again", put_file("/proc/self/setgroups", "allow"));
    TRYAS("gid after deny", put_file("/proc/self/gid_map", "8 1001 1"));
    ids("own map");
    gid_t group = 8;
    TRY(syscall(SYS_setgroups, 1, &group));
    TRY(syscall(SYS_setresuid, 0, 0, 0));
    TRY(syscall(SYS_setresuid, 7, 7, 7));
}
int main(void)
{
    say("machine: %s", get_file("/proc/self/uid_map"));
    TRYAS("machine's map", put_file("/proc/self/uid_map", "0 0 1"));
    pid_t pid = start(show);
    static const char *const bad[] = {
        "", "\n", "0", "0 0", "0 0 0", "0 0 1 2", "x 0 1", "0 0 1\n\n", "0 0 1\n0 5 1", "0 0 2\n5 1 1", "-1 0 1",
        "4294967295 0 1", "0 4294967295 1", "1 0 4294967295", "4294967290 0 10", "0 0 1 \n x",
    };
    for (int i = 0; i < NELEM(bad); i++)
        TRYAS(bad[i], put_file(file_of(pid, "uid_map"), bad[i]));
    char many[8000], *at = many;
    for (int i = 0; i < 341; i++)
        at += sprintf(at, "%d %d 1\n", i, i);
    TRYAS("341 lines", put_file(file_of(pid, "uid_map"), many));
    at = many;
    for (int i = 0; i < 700; i++)
        at += sprintf(at, "%d %d 1\n", i, i);
    TRYAS("more than a page", put_file(file_of(pid, "uid_map"), many));
    TRYAS("some", put_file(file_of(pid, "uid_map"), "0 1000 3\n  4 0 1\n"));
    TRYAS("twice", put_file(file_of(pid, "uid_map"), "0 0 1"));
    TRYAS("deny", put_file(file_of(pid, "setgroups"), "deny"));
    TRYAS("groups", put_file(file_of(pid, "gid_map"), "3 0 2\n0 2000 1"));
    TRYAS("deny after the map", put_file(file_of(pid, "setgroups"), "deny"));
    say("from outside: %s", get_file(file_of(pid, "uid_map")));
    end(pid);
    pid = start(nothing);
    at = many;
    for (int i = 0; i < 340; i++)
        at += sprintf(at, "%d %d 1\n", i, i);
    TRYAS("340 lines", put_file(file_of(pid, "uid_map"), many));
    int fd = MUST(open(file_of(pid, "gid_map"), O_WRONLY));
    TRYAS("at an offset", pwrite(fd, "0 0 1", 5, 1));
    TRYAS("at the start", write(fd, "0 0 1", 5));
    TRYAS("projects", put_file(file_of(pid, "projid_map"), "0 0 1"));
    end(pid);
    pid = start(nothing);
    if (spawn() == 0) {
        MUST(setgid(1001));
        MUST(setuid(1000));
        TRYAS("another user", put_file(file_of(pid, "uid_map"), "0 0 1"));
        TRYAS("another user's setgroups", open(file_of(pid, "setgroups"), O_WRONLY));
        _exit(0);
    }
    wait(0);
    end(pid);
    pid = spawn();
    if (pid == 0) {
        MUST(setgid(1001));
        MUST(setuid(1000));
        prctl(PR_SET_DUMPABLE, 1);
        MUST(sys_unshare(CLONE_NEWUSER));
        own_map();
        _exit(0);
    }
    reap(pid, "user");
    return 0;
}
