// CLONE_FS: working directory and umask are one; without it each has its own.
#include "raw_clone.h"
static int child(void *unused)
{
    (void)unused;
    umask(0111);
    return chdir("/");
}
static void show(const char *when)
{
    char cwd[PATH_MAX];
    getcwd(cwd, sizeof cwd);
    mode_t mask = umask(0);
    umask(mask);
    say("%s: at / %d, umask %o", when, strcmp(cwd, "/") == 0, mask);
}
int main(void)
{
    umask(022);
    reap(clone_run(SIGCHLD, child, NULL), "copied");
    show("copied");
    reap(clone_run(CLONE_FS | SIGCHLD, child, NULL), "shared");
    show("shared");
    return 0;
}
