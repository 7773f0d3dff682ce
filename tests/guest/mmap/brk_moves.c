// brk grows and shrinks the data segment; fresh pages are zero; an impossible break is refused by staying.
#include "guest.h"
static char *set(char *to) { return (char *)syscall(SYS_brk, to); }
int main(void)
{
    char *start = set(NULL);
    char *base = (char *)(((unsigned long)start + 4095) & -4096UL);
    YES(set(base + 3 * 4096) == base + 3 * 4096);
    base[0] = 'x', base[2 * 4096] = 'y';
    YES(set(base + 4096) == base + 4096);
    say("kept %c", base[0]);
    TRYAS("cut off", msync(base + 4096, 4096, MS_ASYNC));
    YES(set(base + 3 * 4096) == base + 3 * 4096);
    say("zero again: %d", base[2 * 4096]);
    YES(set((char *)-4096L) == base + 3 * 4096);
    YES(set((char *)1) == base + 3 * 4096);
    pid_t pid = spawn();
    if (pid == 0) {
        YES(set(base + 4096) == base + 4096);
        _exit(0);
    }
    reap(pid, "child");
    say("parent's break kept: %d", set(NULL) == base + 3 * 4096);
    return 0;
}
