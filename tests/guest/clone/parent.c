// CLONE_PARENT: the new task is a sibling; its parent is the caller's parent, who gets the signal and waits.
#include "raw_clone.h"
static int sibling(void *argument)
{
    say("sibling's parent is the grandparent: %d", getppid() == *(pid_t *)argument);
    return 9;
}
int main(void)
{
    pid_t me = getpid();
    int fd[2];
    MUST(pipe(fd));
    pid_t pid = spawn();
    if (pid == 0) {
        pid_t made = clone_run(CLONE_PARENT | SIGCHLD, sibling, &me);
        say("the maker cannot wait for it: %s", outcome(waitpid(made, NULL, 0)));
        write(fd[1], &made, sizeof made);
        _exit(1);
    }
    pid_t made;
    read(fd[0], &made, sizeof made);
    reap(made, "sibling");
    reap(pid, "maker");
    return 0;
}
