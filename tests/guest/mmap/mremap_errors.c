// The errnos of mremap.
#include "guest.h"
enum { PAGE = 4096, MAY = 1, FIXED = 2, KEEP = 4 };
static const char *move(void *from, size_t old_size, size_t new_size, int flags, void *to)
{
    return outcome(syscall(SYS_mremap, from, old_size, new_size, flags, to));
}
int main(void)
{
    char *p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *hole = (char *)0x30000000, *free_place = (char *)0x50000000;
    say("unaligned: %s", move(p + 1, PAGE, PAGE, 0, 0));
    say("to nothing: %s", move(p, PAGE, 0, 0, 0));
    say("unknown flag: %s", move(p, PAGE, PAGE, 8, 0));
    say("fixed, may not move: %s", move(p, PAGE, PAGE, FIXED, free_place));
    say("keep, may not move: %s", move(p, PAGE, PAGE, KEEP, 0));
    say("keep, other size: %s", move(p, PAGE, 2 * PAGE, MAY | KEEP, 0));
    say("nothing there: %s", move(hole, PAGE, 2 * PAGE, MAY, 0));
    say("nothing there, shrink: %s", move(hole, 2 * PAGE, PAGE, MAY, 0));
    say("nothing there, fixed: %s", move(hole, PAGE, PAGE, MAY | FIXED, free_place));
    say("over the end: %s", move(p + 15 * PAGE, 2 * PAGE, 3 * PAGE, MAY, 0));
    say("old size 0, private: %s", move(p, 0, PAGE, MAY, 0));
    say("wraps: %s", move(p, PAGE, -1UL, MAY, 0));
    say("too large: %s", move(p, PAGE, 1UL << 47, MAY, 0));
    say("too large by little: %s", move(p, PAGE, (1UL << 47) - 2 * PAGE, MAY, 0));
    say("no room in place: %s", move(p, PAGE, 2 * PAGE, 0, 0));
    say("onto itself: %s", move(p, 2 * PAGE, 2 * PAGE, MAY | FIXED, p));
    say("overlapping: %s", move(p, 2 * PAGE, 2 * PAGE, MAY | FIXED, p + PAGE));
    say("to an odd address: %s", move(p, PAGE, PAGE, MAY | FIXED, free_place + 1));
    say("into the kernel's half: %s", move(p, PAGE, PAGE, MAY | FIXED, (void *)0x7ffffffff000));
    mprotect(p + 2 * PAGE, PAGE, PROT_READ);
    say("over two areas: %s", move(p + PAGE, 2 * PAGE, 3 * PAGE, MAY, 0));
    char *shared = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    say("old size 0, shared, may not move: %s", move(shared, 0, PAGE, 0, 0));
    say("old size 0, shared: %s", move(shared, 0, 2 * PAGE, MAY, 0));
    return 0;
}
