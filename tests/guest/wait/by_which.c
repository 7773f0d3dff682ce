// waitpid's four kinds of pid: any, one, own group, another group.
#include "guest.h"
static pid_t child(int status, pid_t group)
{
    pid_t pid = spawn();
    if (pid == 0) {
        if (group != -1)
            setpgid(0, group);
        _exit(status);
    }
    if (group != -1)
        setpgid(pid, group);
    return pid;
}
int main(void)
{
    int status;
    pid_t a = child(1, -1), b = child(2, -1), c = child(3, 0), d = child(4, -1);
    say("one: %d %s", waitpid(b, &status, 0) == b, status_text(status));
    say("group: %d %s", waitpid(-c, &status, 0) == c, status_text(status));
    say("that group again: %s", outcome(waitpid(-c, &status, 0)));
    pid_t x = waitpid(0, &status, 0), y = waitpid(0, &status, 0);
    say("own group: %d", (x == a && y == d) || (x == d && y == a));
    say("any: %s", outcome(waitpid(-1, &status, 0)));
    say("not a child: %s", outcome(waitpid(getppid(), &status, 0)));
    say("itself: %s", outcome(waitpid(getpid(), &status, 0)));
    say("no such process: %s", outcome(waitpid(99999999, &status, 0)));
    say("smallest int: %s", outcome(syscall(SYS_wait4, INT_MIN, &status, 0, NULL)));
    return 0;
}
