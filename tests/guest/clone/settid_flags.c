// CLONE_PARENT_SETTID, CLONE_CHILD_SETTID and CLONE_CHILD_CLEARTID between processes with copied memory.
#include "raw_clone.h"
int main(void)
{
    int *box = shared(4096);
    static int private_box = -1, parent_box = -1;
    box[0] = -1;
    int fd[2];
    MUST(pipe(fd));
    long pid = raw_clone(SIGCHLD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID, NULL, &parent_box, &private_box, 0);
    if (pid == 0) {
        say("child: its own box %d, parent's box set before the copy %d", private_box == getpid(),
            parent_box == getpid());
        _exit(0);
    }
    reap(pid, "child");
    say("parent: child's box here %d, parent's box %d", private_box, parent_box == pid);
    pid = raw_clone(SIGCHLD | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, NULL, NULL, &box[0], 0);
    if (pid == 0) {
        while (box[1] == 0)
            pause_ms(1);
        _exit(0);
    }
    while (box[0] == -1)
        pause_ms(1);
    say("shared box set: %d", box[0] == pid);
    box[1] = 1;
    reap(pid, "child");
    // Linux clears it only where the memory has another user: not at the end of a process of its own.
    say("shared box cleared: %d", box[0] == 0);
    return 0;
}
