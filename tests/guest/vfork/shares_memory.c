// The child of vfork runs in the parent's memory: what it writes is seen by the parent.
#include "guest.h"
static volatile int data = 1;
int main(void)
{
    volatile int stack = 2;
    int *heap = malloc(sizeof *heap);
    *heap = 3;
    pid_t pid = vfork();
    if (pid == 0) {
        data = 10, stack = 20, *heap = 30;
        _exit(6);
    }
    say("%d %d %d", data, stack, *heap);
    reap(pid, "child");
    return 0;
}
