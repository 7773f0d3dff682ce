// PID, parent, group, session, nice value, directory, umask and times stay across exec.
#include "guest.h"
int main(int argc, char **argv)
{
    char text[200];
    umask(027);
    if (argc > 1) {
        umask(atoi(argv[2]));
        snprintf(text, sizeof text, "%d %d %d %d %d", getpid(), getppid(), getpgrp(), getsid(0),
                 getpriority(PRIO_PROCESS, 0));
        char cwd[PATH_MAX];
        getcwd(cwd, sizeof cwd);
        say("same %d, nice %d, at / %d", strcmp(text, argv[1]) == 0, getpriority(PRIO_PROCESS, 0),
            strcmp(cwd, "/") == 0);
        return 0;
    }
    MUST(chdir("/"));
    MUST(setpriority(PRIO_PROCESS, 0, 5));
    snprintf(text, sizeof text, "%d %d %d %d %d", getpid(), getppid(), getpgrp(), getsid(0), 5);
    char *args[] = { argv[0], text, "18", NULL };
    execv(argv[0], args);
    return 1;
}
