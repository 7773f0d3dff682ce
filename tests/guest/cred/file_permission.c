// Owner, group and others on files and directories, for a user; root passes.
// needs: root
#include "guest.h"
#include <grp.h>
static void attempt(uid_t user, gid_t group, const char *who, int dir)
{
    pid_t pid = spawn();
    if (pid == 0) {
        MUST(setgroups(0, NULL)), MUST(setgid(group)), MUST(setuid(user));
        const char *names[] = { "owner", "group", "other", "none", "dir/x" };
        for (int i = 0; i < NELEM(names); i++)
            say("%s: %s: read %s, write %s, access %s", who, names[i], outcome(openat(dir, names[i], O_RDONLY)),
                outcome(openat(dir, names[i], O_WRONLY)), outcome(faccessat(dir, names[i], R_OK | W_OK, 0)));
        say("%s: create %s, unlink %s, chmod %s", who, outcome(openat(dir, "new", O_CREAT | O_WRONLY, 0600)),
            outcome(unlinkat(dir, "other", 0)), outcome(fchmodat(dir, "other", 0777, 0)));
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}
static void make(const char *name, int mode)
{
    int fd = MUST(open(name, O_CREAT | O_WRONLY, 0600));
    fchown(fd, 1000, 2000);
    fchmod(fd, mode);
    close(fd);
}
int main(void)
{
    MUST(mkdir("top", 0755));
    chown("top", 1000, 2000);
    int dir = MUST(open("top", O_RDONLY | O_DIRECTORY));
    MUST(fchdir(dir));
    make("owner", 0600), make("group", 0060), make("other", 0006), make("none", 0);
    MUST(mkdir("dir", 0700));
    make("dir/x", 0777);
    chmod("dir", 0070), chown("dir", 1000, 2000);
    attempt(1001, 2001, "other", dir);
    attempt(1001, 2000, "group", dir);
    attempt(1000, 2001, "owner", dir);
    attempt(0, 0, "root", dir);
    return 0;
}
