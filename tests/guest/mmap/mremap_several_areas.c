// Since Linux 6.17 a move that keeps the size may cover several areas, and holes between them.
// needs: linux-6.17
#include "guest.h"
enum { PAGE = 4096 };
static char *const from = (char *)0x40000000, *const to = (char *)0x50000000;
static void make(void)
{
    munmap(to, 6 * PAGE);
    mmap(from, 6 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    for (int i = 0; i < 6; i++)
        from[i * PAGE] = 'a' + i;
}
static void show(const char *what, long result)
{
    char text[2][7] = { "......", "......" };
    unsigned char vec;
    for (int side = 0; side < 2; side++)
        for (int i = 0; i < 6; i++) {
            char *p = (side ? to : from) + i * PAGE;
            if (mincore(p, PAGE, &vec) == 0)
                text[side][i] = *p ? *p : '0';
        }
    say("%s: %s, old %s, new %s", what, outcome(result), text[0], text[1]);
}
static long move(size_t old_size, size_t new_size, int flags) { return syscall(SYS_mremap, from, old_size, new_size, flags, to); }
int main(void)
{
    make(), mprotect(from + PAGE, PAGE, PROT_READ);
    show("two protections", move(6 * PAGE, 6 * PAGE, 3));
    make(), munmap(from + 2 * PAGE, PAGE);
    show("a hole", move(6 * PAGE, 6 * PAGE, 3));
    make(), munmap(from, PAGE);
    show("a hole first", move(6 * PAGE, 6 * PAGE, 3));
    make(), munmap(from + 4 * PAGE, 2 * PAGE);
    show("a hole last", move(6 * PAGE, 6 * PAGE, 3));
    make(), mprotect(from + PAGE, PAGE, PROT_READ);
    show("kept", move(6 * PAGE, 6 * PAGE, 7));
    make(), mprotect(from + PAGE, PAGE, PROT_READ);
    show("shrunk", move(6 * PAGE, 5 * PAGE, 3));
    make(), mprotect(from + PAGE, PAGE, PROT_READ);
    show("grown", move(5 * PAGE, 6 * PAGE, 3));
    make(), munmap(from + 2 * PAGE, PAGE);
    mmap(to + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
        == MAP_FAILED ? 0 : (to[2 * PAGE] = 'X');
    show("a hole over something", move(6 * PAGE, 6 * PAGE, 3));
    return 0;
}
