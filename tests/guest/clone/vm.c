// CLONE_VM: one memory; without it a copy.
#include "raw_clone.h"
static volatile int data = 1;
static int child(void *argument)
{
    data += *(int *)argument;
    char *fresh = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    fresh[0] = 'm';
    *(char **)((int *)argument + 2) = fresh;
    return 0;
}
int main(void)
{
    struct { int add, pad; char *page; } box = { 5, 0, NULL };
    reap(clone_run(CLONE_VM | SIGCHLD, child, &box), "shared");
    say("data %d, the child's mapping is here: %c", data, box.page ? box.page[0] : '-');
    box.page = NULL;
    reap(clone_run(SIGCHLD, child, &box), "copied");
    say("data %d, the child's mapping is here: %c", data, box.page ? box.page[0] : '-');
    return 0;
}
