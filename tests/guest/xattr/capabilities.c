// Capabilities of program files: who may give them, what exec makes of them, when they go.
#include "guest.h"
#include <linux/capability.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>
#define REVISION_2 0x02000000
#define CAP(n) (1u << (n))
struct caps { unsigned magic, permitted, inheritable, permitted_hi, inheritable_hi, rootid; };
static long set(const char *path, unsigned effective, unsigned permitted, unsigned inheritable)
{
    struct caps caps = { REVISION_2 | effective, permitted, inheritable };
    return setxattr(path, "security.capability", &caps, 20, 0);
}
static void run(const char *name, const char *path)
{
    say("%s:", name);
    int pid = fork();
    if (!pid) {
        execl(path, path, "show", NULL);
        say("  exec: %s", err(errno));
        _exit(0);
    }
    waitpid(pid, 0, 0);
}
static void show(void)
{
    char line[200];
    FILE *status = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, status))
        if (!strncmp(line, "CapPrm", 6) || !strncmp(line, "CapEff", 6) || !strncmp(line, "CapAmb", 6))
            say("  %.6s %llx", line, strtoull(line + 7, 0, 16) & (CAP(CAP_KILL) | CAP(CAP_SYS_NICE)));
    say("  uid %d euid %d", getuid(), geteuid());
}
static void as_user(void (*body)(const char *), const char *path)
{
    int pid = fork();
    if (!pid) {
        if (setgid(1000) || setuid(1000))
            _exit(1);
        body(path);
        _exit(0);
    }
    waitpid(pid, 0, 0);
}
static void plain(const char *path) { run("as a user", path); }
static void no_new_privs(const char *path)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    run("with no_new_privs", path);
}
static void setting(const char *path) { TRYAS("set by a user", set(path, 1, CAP(CAP_KILL), 0)); }
static void bounded(const char *path)
{
    run("outside the bounding set", path);
}
int main(int argc, char **argv)
{
    if (argc > 1) {
        show();
        return 0;
    }
    char dir[] = "/dev/shm/capsXXXXXX", path[60];
    if (!mkdtemp(dir))
        die("mkdtemp");
    chmod(dir, 0755);
    sprintf(path, "%s/prog", dir);
    int from = MUST(open("/proc/self/exe", O_RDONLY)), to = MUST(open(path, O_WRONLY | O_CREAT, 0755));
    fchmod(to, 0755);
    while (sendfile(to, from, 0, 1 << 20) > 0)
        continue;
    close(to);
    as_user(plain, path);
    TRYAS("too short", setxattr(path, "security.capability", "x", 1, 0));
    TRYAS("unknown revision", setxattr(path, "security.capability", "\0\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, 0));
    TRYAS("set", set(path, 1, CAP(CAP_KILL) | CAP(CAP_SYS_NICE), 0));
    struct caps got;
    say("size %d permitted %x", (int)getxattr(path, "security.capability", &got, sizeof got), got.permitted);
    as_user(setting, path);
    as_user(plain, path);
    as_user(no_new_privs, path);
    run("as root", path);
    int pid = fork();
    if (!pid) {
        prctl(PR_CAPBSET_DROP, CAP_KILL, 0, 0, 0);
        as_user(bounded, path);
        set(path, 0, CAP(CAP_KILL) | CAP(CAP_SYS_NICE), 0);
        as_user(bounded, path);
        _exit(0);
    }
    waitpid(pid, 0, 0);
    chmod(path, 04755);
    as_user(plain, path);
    chmod(path, 0755);
    set(path, 0, CAP(CAP_KILL), 0);
    as_user(plain, path);
    TRYAS("chown", chown(path, 0, 5));
    TRYAS("after chown", getxattr(path, "security.capability", 0, 0));
    set(path, 1, CAP(CAP_KILL), 0);
    to = MUST(open(path, O_WRONLY | O_APPEND));
    write(to, "x", 1);
    close(to);
    TRYAS("after a write", getxattr(path, "security.capability", 0, 0));
    set(path, 1, CAP(CAP_KILL), 0);
    TRYAS("removed", removexattr(path, "security.capability"));
    TRYAS("removed again", removexattr(path, "security.capability"));
    unlink(path);
    rmdir(dir);
    return 0;
}
