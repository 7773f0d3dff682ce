// mremap: shrink, grow in place, grow by moving, fixed target, errors; contents go along.
#include "guest.h"
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
static void *remap(void *old, size_t from, size_t to, int flags, void *target)
{
    return (void *)syscall(SYS_mremap, old, from, to, flags, target);
}
int main(void)
{
    enum { RW = PROT_READ | PROT_WRITE, AP = MAP_PRIVATE | MAP_ANONYMOUS };
    char *p = mmap(NULL, 10 * 4096, RW, AP, -1, 0);
    for (int i = 0; i < 10; i++)
        p[i * 4096] = 'a' + i;
    YES(remap(p, 10 * 4096, 4 * 4096, 0, NULL) == p);
    say("tail gone: %s", outcome(msync(p + 4 * 4096, 4096, MS_ASYNC)));
    YES(remap(p, 4 * 4096, 8 * 4096, 0, NULL) == p);
    say("%c %d", p[3 * 4096], p[4 * 4096]);
    mmap(p + 8 * 4096, 4096, PROT_NONE, AP | MAP_FIXED, -1, 0);
    TRYAS("in the way", remap(p, 8 * 4096, 16 * 4096, 0, NULL));
    char *q = remap(p, 8 * 4096, 16 * 4096, MREMAP_MAYMOVE, NULL);
    say("moved %d, contents %c %c", q != p && q != MAP_FAILED, q[0], q[3 * 4096]);
    say("old place gone: %s", outcome(msync(p, 4096, MS_ASYNC)));
    char *t = mmap(NULL, 16 * 4096, RW, AP, -1, 0);
    YES(remap(q, 2 * 4096, 2 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED, t) == t);
    say("fixed: %c %c", t[0], t[4096]);
    TRYAS("fixed without maymove", remap(t, 4096, 4096, MREMAP_FIXED, q));
    TRYAS("overlap", remap(t, 2 * 4096, 2 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED, t + 4096));
    TRYAS("unaligned", remap(t + 1, 4096, 8192, MREMAP_MAYMOVE, NULL));
    TRYAS("to nothing", remap(t, 4096, 0, MREMAP_MAYMOVE, NULL));
    TRYAS("flags", remap(t, 4096, 8192, 0x100, NULL));
    munmap(p, 4096);
    TRYAS("nothing there", remap((void *)0x10000, 4096, 8192, MREMAP_MAYMOVE, NULL));
    char *d = remap(t, 4096, 4096, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
    say("dontunmap: moved %d, there %c, here %d", d != t && d != MAP_FAILED, d[0], t[0]);
    char *s = mmap(NULL, 4096, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    s[0] = 's';
    char *twice = remap(s, 0, 4096, MREMAP_MAYMOVE, NULL);
    say("a shared mapping doubled: %c", twice != MAP_FAILED ? (twice[0] = 't', s[0]) : '-');
    return 0;
}
