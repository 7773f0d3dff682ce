// mincore tells which pages are in memory: those touched, or asked for by MAP_POPULATE or mlock; errors.
#include "guest.h"
static void show(const char *what, char *p, int pages)
{
    unsigned char vector[16];
    char text[17] = "";
    if (mincore(p, pages << 12, vector) == -1) {
        say("%s: %s", what, err(errno));
        return;
    }
    for (int i = 0; i < pages; i++)
        text[i] = '0' + (vector[i] & 1);
    say("%s: %s", what, text);
}
int main(void)
{
    enum { RW = PROT_READ | PROT_WRITE, AP = MAP_PRIVATE | MAP_ANONYMOUS };
    char *p = mmap(NULL, 4 << 12, RW, AP, -1, 0);
    show("fresh", p, 4);
    p[4096] = 1;
    show("one written", p, 4);
    mlock(p + 8192, 4096);
    show("one locked", p, 4);
    munlock(p, 4 << 12);
    char *q = mmap(NULL, 4 << 12, RW, AP | MAP_POPULATE, -1, 0);
    show("populated", q, 4);
    madvise(q + 4096, 8192, MADV_DONTNEED);
    show("given back", q, 4);
    unsigned char vector[4];
    TRYAS("unaligned", mincore(q + 1, 4096, vector));
    munmap(q + 4096, 4096);
    TRYAS("a hole", mincore(q, 4 << 12, vector));
    TRYAS("bad vector", mincore(q, 4096, (void *)8));
    return 0;
}
