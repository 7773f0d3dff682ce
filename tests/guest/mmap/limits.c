// RLIMIT_DATA, RLIMIT_AS and RLIMIT_MEMLOCK in mmap, mprotect, mremap, brk and mlock, without capabilities.
// needs: root
#include "guest.h"
enum { PAGE = 4096, RW = PROT_READ | PROT_WRITE, AP = MAP_PRIVATE | MAP_ANONYMOUS };
static void limit(int which, rlim_t bytes)
{
    struct rlimit old;
    getrlimit(which, &old);
    MUST(setrlimit(which, &(struct rlimit){ bytes, old.rlim_max }));
}
static void *map(size_t size, int prot, int flags) { return mmap(NULL, size, prot, flags, -1, 0); }
int main(void)
{
    limit(RLIMIT_MEMLOCK, 4 * PAGE);
    MUST(setresuid(1000, 1000, 1000));
    char *p = map(8 * PAGE, RW, AP), *readable = map(4 << 20, PROT_READ, AP);
    limit(RLIMIT_DATA, 1 << 20);
    TRYAS("data, private", map(4 << 20, RW, AP));
    TRYAS("data, read-only", map(4 << 20, PROT_READ, AP));
    TRYAS("data, shared", map(4 << 20, RW, MAP_SHARED | MAP_ANONYMOUS));
    TRYAS("data, made writable", mprotect(readable, 4 << 20, RW));
    YES(syscall(SYS_brk, syscall(SYS_brk, 0) + (4 << 20)) == syscall(SYS_brk, 0));
    limit(RLIMIT_DATA, RLIM_INFINITY);
    limit(RLIMIT_AS, 64 << 20);
    TRYAS("space, map", map(128 << 20, PROT_NONE, AP));
    TRYAS("space, grow", syscall(SYS_mremap, p, 8 * PAGE, 128 << 20, MREMAP_MAYMOVE));
    limit(RLIMIT_AS, RLIM_INFINITY);
    TRYAS("lock 4", mlock(p, 4 * PAGE));
    TRYAS("the same again", mlock(p, 4 * PAGE));
    TRYAS("lock 5", mlock(p, 5 * PAGE));
    TRYAS("locked mapping", map(PAGE, RW, AP | MAP_LOCKED));
    TRYAS("grow a locked one", syscall(SYS_mremap, p, 4 * PAGE, 16 * PAGE, MREMAP_MAYMOVE));
    TRYAS("all", mlockall(MCL_CURRENT));
    TRYAS("all in future", mlockall(MCL_FUTURE));
    TRYAS("map in that future", map(PAGE, RW, AP));
    TRYAS("unlock all", munlockall());
    limit(RLIMIT_MEMLOCK, 0);
    TRYAS("limit 0: lock", mlock(p, PAGE));
    TRYAS("limit 0: map", map(PAGE, RW, AP | MAP_LOCKED));
    TRYAS("limit 0: all", mlockall(MCL_CURRENT));
    TRYAS("limit 0: unlock", munlock(p, PAGE));
    return 0;
}
