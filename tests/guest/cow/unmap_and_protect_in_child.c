// munmap, mprotect, mremap and brk in the child leave the parent's tables alone, and the other way round.
#include "guest.h"
int main(void)
{
    enum { RW = PROT_READ | PROT_WRITE, AP = MAP_PRIVATE | MAP_ANONYMOUS };
    char *p = mmap(NULL, 8 << 12, RW, AP, -1, 0);
    for (int i = 0; i < 8; i++)
        p[i << 12] = 'a' + i;
    struct gate a = new_gate(), b = new_gate();
    pid_t pid = spawn();
    if (pid == 0) {
        munmap(p, 4096);
        mprotect(p + 4096, 4096, PROT_READ);
        char *q = mremap(p + 8192, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, p + (20 << 12));
        if (q != MAP_FAILED)
            q[0] = 'Q';
        p[3 << 12] = 'C';
        open_gate(a);
        pass_gate(b);
        say("child: %c %c %c %c", p[4096], q[0], p[3 << 12], p[7 << 12]);
        _exit(0);
    }
    pass_gate(a);
    p[4096]++;
    say("parent: %c %c %c %c", p[0], p[4096], p[8192], p[3 << 12]);
    munmap(p + (7 << 12), 4096);
    open_gate(b);
    reap(pid, "child");
    return 0;
}
