// Working directory and umask are copied: a change in the child is not seen by the parent.
#include "guest.h"
int main(void)
{
    char before[PATH_MAX], after[PATH_MAX];
    getcwd(before, sizeof before);
    umask(027);
    pid_t pid = spawn();
    if (pid == 0) {
        getcwd(after, sizeof after);
        YES(strcmp(before, after) == 0);
        MUST(chdir("/"));
        say("umask %o", umask(0));
        _exit(0);
    }
    reap(pid, "child");
    getcwd(after, sizeof after);
    YES(strcmp(before, after) == 0);
    say("umask %o", umask(0));
    return 0;
}
