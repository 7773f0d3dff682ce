// MAP_FIXED replaces what is there and splits it; MAP_FIXED_NOREPLACE does not; a hint is only a hint.
#include "guest.h"
int main(void)
{
    enum { RW = PROT_READ | PROT_WRITE, AP = MAP_PRIVATE | MAP_ANONYMOUS };
    char *p = mmap(NULL, 5 * 4096, RW, AP, -1, 0);
    for (int i = 0; i < 5; i++)
        p[i * 4096] = 'a' + i;
    YES(mmap(p + 4096, 4096, RW, AP | MAP_FIXED, -1, 0) == p + 4096);
    say("%c %d %c", p[0], p[4096], p[8192]);
    char *other = mmap(p, 4096, RW, AP, -1, 0);
    YES(other != MAP_FAILED && other != p);
    munmap(p + 3 * 4096, 4096);
    YES(mmap(p + 3 * 4096, 4096, RW, AP, -1, 0) == p + 3 * 4096);
    munmap(p + 3 * 4096, 4096);
    YES(mmap(p + 3 * 4096, 4096, RW, AP | MAP_FIXED_NOREPLACE, -1, 0) == p + 3 * 4096);
    say("%d %c", p[3 * 4096], p[4 * 4096]);
    return 0;
}
