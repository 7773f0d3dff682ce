// exit runs the handlers in reverse order, in the process that calls it; exec and _exit run none.
#include "guest.h"
static void first(void) { say("first"); }
static void second(void) { say("second"); }
int main(void)
{
    atexit(first);
    atexit(second);
    pid_t pid = spawn();
    if (pid == 0)
        exit(1);
    reap(pid, "exit");
    pid = spawn();
    if (pid == 0)
        _exit(2);
    reap(pid, "_exit");
    return 0;
}
