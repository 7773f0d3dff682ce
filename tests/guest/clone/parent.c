// CLONE_PARENT: the new task is a sibling; its parent is the caller's parent, who gets the signal and waits.
#include "raw_clone.h"
static int turn[2]; // the maker speaks first
static int sibling(void *argument)
{
    char go;
    read(turn[0], &go, 1);
    say("sibling's parent is the grandparent: %d", getppid() == *(pid_t *)argument);
    return 9;
}
int main(void)
{
    pid_t me = getpid();
    int fd[2];
    MUST(pipe(fd));
    MUST(pipe(turn));
    pid_t pid = spawn();
    if (pid == 0) {
        pid_t made = clone_run(CLONE_PARENT | SIGCHLD, sibling, &me);
        say("the maker cannot wait for it: %s", outcome(waitpid(made, NULL, 0)));
        write(turn[1], "x", 1);
        write(fd[1], &made, sizeof made);
        _exit(1);
    }
    pid_t made;
    read(fd[0], &made, sizeof made);
    reap(made, "sibling");
    reap(pid, "maker");
    return 0;
}
