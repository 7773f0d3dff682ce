// flock: by open file, shared and exclusive, LOCK_NB, kept by dup and fork, released at the last close.
#include "guest.h"
#include <sys/file.h>
int main(void)
{
    int a = MUST(open("file", O_CREAT | O_RDWR, 0600)), b = MUST(open("file", O_RDWR));
    TRY(flock(a, LOCK_SH));
    TRY(flock(b, LOCK_SH | LOCK_NB));
    TRY(flock(a, LOCK_EX | LOCK_NB));
    TRY(flock(b, LOCK_UN));
    TRY(flock(a, LOCK_EX | LOCK_NB));
    TRY(flock(b, LOCK_SH | LOCK_NB));
    int copy = dup(a);
    TRY(flock(copy, LOCK_EX));
    close(a);
    TRY(flock(b, LOCK_EX | LOCK_NB));
    pid_t pid = spawn();
    if (pid == 0) {
        TRY(flock(copy, LOCK_UN));
        _exit(0);
    }
    reap(pid, "child");
    TRY(flock(b, LOCK_EX | LOCK_NB));
    pid = spawn();
    if (pid == 0) {
        int mine = MUST(open("file", O_RDWR));
        say("waits: %s", outcome(flock(mine, LOCK_EX)));
        _exit(0);
    }
    until_state(pid, 'S');
    say("parent lets go");
    MUST(flock(b, LOCK_UN)); // a close would not do: the child has the open file, too
    reap(pid, "child");
    TRY(flock(copy, 16));
    TRY(flock(copy, 0));
    TRY(flock(99, LOCK_SH));
    return 0;
}
