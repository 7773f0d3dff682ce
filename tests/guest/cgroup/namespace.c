// A cgroup namespace: its root is the group of who made it; what lies outside shows as /.. to those inside.
// needs: root linux-6.12
#include "../cgroup.h"
static const char *whole(const char *pid)
{
    static char text[8192];
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/cgroup", pid);
    int fd = MUST(open(path, O_RDONLY));
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n < 0 ? 0 : n] = 0;
    char *p = strstr(text, "0::");
    p[strcspn(p, "\n")] = 0;
    return p;
}
static void number(char *text, pid_t pid) { sprintf(text, "%d", pid); }
int main(void)
{
    setup();
    char parent[16], root[64];
    number(parent, getpid());
    MUST(group("a"));
    MUST(group("a/b"));
    MUST(group("c"));
    PUT("c", "cgroup.procs", "0");
    pid_t pid = spawn();
    if (pid == 0) {
        PUT("a", "cgroup.procs", "0");
        MUST(unshare(CLONE_NEWCGROUP));
        say("inside: %s", whole("self"));
        say("the parent: %s", whole(parent));
        PUT("a/b", "cgroup.procs", "0");
        say("moved: %s", whole("self"));
        MUST(mkdir("cg2", 0755));
        MUST(mount("none", "cg2", "cgroup2", 0, NULL));
        struct stat st;
        YES(stat("cg2/b", &st) == 0 && S_ISDIR(st.st_mode));
        YES(stat("cg2/c", &st) == 0);
        say("out of it: %s", outcome(put("c", "cgroup.procs", "0")));
        pid_t child = spawn();
        if (child == 0) {
            say("child: %s", whole("self"));
            _exit(0);
        }
        reap(child, "child");
        umount("cg2");
        rmdir("cg2");
        _exit(0);
    }
    reap(pid, "namespace");
    snprintf(root, sizeof root, "%s", group_of("self"));
    say("outside: %s", strchr(root + 1, '/'));
    PUT("..", "cgroup.procs", "0");
    say("%s", outcome(ungroup("a/b")));
    say("%s", outcome(ungroup("a")));
    say("%s", outcome(ungroup("c")));
    cleanup();
    return 0;
}
