// With a stack of its own and copied memory the child runs on that stack; with none, on a copy of the caller's.
#include "raw_clone.h"
static char *low;
static int child(void *argument)
{
    char here;
    say("on its stack %d, argument %s", &here > low && &here < low + 65536, (char *)argument);
    return 2;
}
int main(void)
{
    low = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    reap(clone_on(low + 65536, SIGCHLD, child, "text", NULL, NULL), "child");
    char here;
    long pid = raw_clone(SIGCHLD, NULL, NULL, NULL, 0);
    if (pid == 0) {
        char *now = &here;
        say("caller's stack: %d", now == &here);
        _exit(0);
    }
    reap(pid, "child");
    return 0;
}
