// The tree of control groups: mkdir, rmdir, files, moving processes, inheritance by fork, what is refused.
// needs: root linux-6.12
#include "../cgroup.h"
static void names(const char *group)
{
    static const char *const wanted[] = { "cgroup.type", "cgroup.procs", "cgroup.threads", "cgroup.controllers",
        "cgroup.subtree_control", "cgroup.events", "cgroup.max.descendants", "cgroup.max.depth", "cgroup.stat",
        "cgroup.freeze", "cgroup.kill" };
    for (int i = 0; i < NELEM(wanted); i++) {
        struct stat st;
        if (stat(in(group, wanted[i]), &st) == -1)
            say("%s: %s", wanted[i], err(errno));
        else
            say("%s: mode %o uid %d size %ld", wanted[i], st.st_mode, st.st_uid, (long)st.st_size);
    }
}
int main(void)
{
    setup();
    names("..");
    names("");
    struct stat st;
    MUST(stat(top, &st));
    say("mode %o links %d", st.st_mode, (int)st.st_nlink);
    SHOW("", "cgroup.type");
    SHOW("", "cgroup.events");
    SHOW("", "cgroup.procs");
    SHOW("", "cgroup.max.depth");
    SHOW("", "cgroup.max.descendants");
    SHOW("", "cgroup.freeze");
    SHOW("", "cgroup.kill");
    SHOW("", "cgroup.subtree_control");
    TRY(group("a"));
    TRY(group("a"));
    TRY(group("a/b"));
    TRY(group("new\nline"));
    MUST(stat(top, &st));
    say("links %d", (int)st.st_nlink);
    TRY(open(in("", "file"), O_CREAT | O_WRONLY, 0600));
    TRY(symlink("x", in("", "link")));
    TRY(rename(in("a", ""), in("c", "")));
    TRY(unlink(in("a", "cgroup.procs")));
    TRY(link(in("a", "cgroup.procs"), in("a", "other")));
    TRY(rmdir(in("a", "")));
    TRY(rmdir(in("a", "cgroup.procs")));
    PUT("a", "cgroup.procs", "x");
    PUT("a", "cgroup.procs", "-1");
    PUT("a", "cgroup.procs", "");
    PUT("a", "cgroup.procs", "99999999999");
    PUT("a", "cgroup.procs", "4000000");
    PUT("a", "cgroup.procs", "2");
    PUT("a", "cgroup.type", "domain");
    PUT("a", "cgroup.controllers", "x");
    PUT("a", "cgroup.subtree_control", "+nosuch");
    PUT("a", "cgroup.subtree_control", "pids");
    PUT("a", "cgroup.max.depth", "-1");
    PUT("a", "cgroup.max.depth", "x");
    PUT("a", "cgroup.max.depth", "1");
    SHOW("a", "cgroup.max.depth");
    PUT("", "cgroup.max.descendants", "3");
    TRY(group("a/b/c"));
    PUT("a", "cgroup.max.depth", "max");
    TRY(group("a/b/c"));
    TRY(group("a/b/d"));
    PUT("", "cgroup.max.descendants", "max");
    // a process
    PUT("a", "cgroup.procs", "0");
    say("mine: %s", strchr(group_of("self") + 1, '/'));
    say("%s", atoi(get("a", "cgroup.procs")) == getpid() ? "listed" : "not listed");
    say("%s", atoi(get("a", "cgroup.threads")) == getpid() ? "listed" : "not listed");
    SHOW("", "cgroup.events");
    SHOW("a", "cgroup.events");
    SHOW("a/b", "cgroup.events");
    TRY(rmdir(in("a", "")));
    pid_t pid = spawn();
    if (pid == 0) {
        say("child: %s", strchr(group_of("self") + 1, '/'));
        PUT("a/b", "cgroup.procs", "0");
        say("child: %s", strchr(group_of("self") + 1, '/'));
        TRY(rmdir(in("a/b", "")));
        SHOW("a/b", "cgroup.events");
        pid_t grandchild = spawn();
        if (grandchild == 0) {
            say("grandchild: %s", strchr(group_of("self") + 1, '/'));
            _exit(0);
        }
        siginfo_t info;
        waitid(P_PID, grandchild, &info, WEXITED | WNOWAIT);
        until("a/b", "cgroup.events", "populated 1");
        char number[16];
        snprintf(number, sizeof number, "%d", grandchild);
        say("zombie: %s, listed %s", strchr(group_of(number) + 1, '/'), strstr(get("a/b", "cgroup.procs"), number) ? "yes" : "no");
        reap(grandchild, "grandchild");
        _exit(0);
    }
    reap(pid, "child");
    until("a/b", "cgroup.events", "populated 0");
    say("empty: %s", outcome(ungroup("a/b/c")));
    int dir = open(in("a/b", ""), O_RDONLY | O_DIRECTORY);
    int procs = open(in("a/b", "cgroup.procs"), O_RDWR);
    say("empty: %s", outcome(ungroup("a/b")));
    char c;
    TRY(read(procs, &c, 1));
    TRY(write(procs, "0", 1));
    TRY(mkdirat(dir, "x", 0700));
    TRY(openat(dir, "cgroup.procs", O_RDONLY));
    PUT("", "cgroup.procs", "0");
    say("mine: %s", strchr(group_of("self") + 1, '/') ? "below" : "here");
    say("a: %s", outcome(ungroup("a")));
    TRY(rmdir(in("a", "")));
    // a zombie of a removed group
    TRY(group("z"));
    pid = spawn();
    if (pid == 0)
        _exit(put("z", "cgroup.procs", "0") != 1);
    siginfo_t info;
    waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
    say("z: %s", outcome(ungroup("z")));
    char number[16];
    snprintf(number, sizeof number, "%d", pid);
    say("zombie: %s", strchr(group_of(number) + 1, '/'));
    reap(pid, "zombie");
    cleanup();
    return 0;
}
