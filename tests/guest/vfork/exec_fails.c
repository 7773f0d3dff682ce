// A failed execve leaves the parent of vfork asleep; the child's _exit wakes it.
#include "guest.h"
static volatile int error;
int main(void)
{
    pid_t pid = vfork();
    if (pid == 0) {
        char *args[] = { "nothing", NULL };
        execv("/nonexistent/program", args);
        error = errno;
        _exit(127);
    }
    say("child saw %s", err(error));
    reap(pid, "child");
    return 0;
}
