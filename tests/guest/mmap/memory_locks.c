// mlock, mlockall, munlock: counted against RLIMIT_MEMLOCK for a user, errors.
// needs: root
#include "guest.h"
int main(void)
{
    enum { RW = PROT_READ | PROT_WRITE, AP = MAP_PRIVATE | MAP_ANONYMOUS };
    char *p = mmap(NULL, 64 << 12, RW, AP, -1, 0);
    TRY(mlock(p, 64 << 12));
    TRY(munlock(p, 64 << 12));
    TRY(mlock((void *)0x10000, 4096));
    TRY(mlockall(0));
    TRY(mlockall(64));
    TRY(mlockall(MCL_FUTURE));
    TRY(munlockall());
    pid_t pid = spawn();
    if (pid == 0) {
        struct rlimit limit = { 8 << 12, 8 << 12 };
        MUST(setrlimit(RLIMIT_MEMLOCK, &limit));
        MUST(setuid(1000));
        TRYAS("8 pages", mlock(p, 8 << 12));
        TRYAS("one more", mlock(p + (8 << 12), 4096));
        TRYAS("the same again", mlock(p, 8 << 12));
        TRYAS("given back", munlock(p, 4 << 12));
        TRYAS("now it fits", mlock(p + (8 << 12), 4096));
        TRYAS("MAP_LOCKED", (long)mmap(NULL, 64 << 12, RW, AP | MAP_LOCKED, -1, 0));
        limit.rlim_cur = 0;
        setrlimit(RLIMIT_MEMLOCK, &limit);
        TRYAS("with a limit of 0", mlock(p + (20 << 12), 4096));
        _exit(0);
    }
    reap(pid, "user");
    return 0;
}
