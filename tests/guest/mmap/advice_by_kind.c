// What madvise says to each advice for each kind of area.
// needs: linux-5.18
#include "guest.h"
enum { PAGE = 4096, RW = PROT_READ | PROT_WRITE };
static void *area(int kind, int fd)
{
    char *p = MUST(mmap(NULL, 3 * PAGE, kind == 4 ? PROT_READ : kind == 5 ? PROT_NONE : RW,
                        (kind == 1 || kind == 3 ? MAP_SHARED : MAP_PRIVATE) | (kind == 2 || kind == 3 ? 0 : MAP_ANONYMOUS),
                        kind == 2 || kind == 3 ? fd : -1, 0));
    if (kind == 6)
        mlock(p, 3 * PAGE);
    if (kind == 7)
        munmap(p + PAGE, PAGE);
    return p;
}
int main(void)
{
    static const char *const kinds[] = { "private", "shared", "file private", "file shared", "read-only", "no access",
                                         "locked", "with a hole" };
    static const int advice[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23, 24, 99, -1 };
    int fd = MUST(open("file", O_RDWR | O_CREAT, 0600));
    for (int kind = 0; kind < NELEM(kinds); kind++)
        for (int i = 0; i < NELEM(advice); i++) {
            ftruncate(fd, 3 * PAGE);
            char *p = area(kind, fd);
            say("%s, %d: %s", kinds[kind], advice[i], outcome(madvise(p, 3 * PAGE, advice[i])));
            munmap(p, 3 * PAGE);
        }
    char *p = area(0, -1);
    TRY(madvise(p + 1, PAGE, MADV_DONTNEED));
    TRY(madvise(p, 0, MADV_DONTNEED));
    TRY(madvise((void *)0x30000000, 0, MADV_DONTNEED));
    TRY(madvise(p, 0, 99));
    TRY(madvise(p, -1UL, MADV_DONTNEED));
    TRY(madvise(p, -4096UL, MADV_DONTNEED));
    return 0;
}
