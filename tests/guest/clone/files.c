// CLONE_FILES: one descriptor table; without it a copy. exec and unshare make it one's own again.
#include "raw_clone.h"
static int child(void *argument)
{
    close(*(int *)argument);
    return dup2(1, 77) == 77 ? 0 : 1;
}
static void show(const char *when, int fd)
{
    say("%s: old descriptor %s, new one %s", when, fcntl(fd, F_GETFD) == -1 ? "closed" : "open",
        fcntl(77, F_GETFD) == -1 ? "closed" : "open");
}
static int unsharer(void *argument)
{
    if (unshare(CLONE_FILES) == -1)
        return 1;
    close(*(int *)argument);
    return 0;
}
int main(void)
{
    int fd = dup(1);
    reap(clone_run(SIGCHLD, child, &fd), "copied");
    show("copied", fd);
    reap(clone_run(CLONE_FILES | SIGCHLD, child, &fd), "shared");
    show("shared", fd);
    int other = 77;
    reap(clone_run(CLONE_FILES | SIGCHLD, unsharer, &other), "unshared");
    show("unshared", other);
    return 0;
}
