// Soft limits move below the hard one; the hard one can be lowered; errors.
#include "guest.h"
int main(void)
{
    struct rlimit limit, now;
    limit = (struct rlimit){ 50, 100 };
    TRY(setrlimit(RLIMIT_NOFILE, &limit));
    getrlimit(RLIMIT_NOFILE, &now);
    say("%lu %lu", (long)now.rlim_cur, (long)now.rlim_max);
    limit = (struct rlimit){ 200, 100 };
    TRY(setrlimit(RLIMIT_NOFILE, &limit));
    limit = (struct rlimit){ 100, 100 };
    TRY(setrlimit(RLIMIT_NOFILE, &limit));
    TRYAS("bad resource", syscall(SYS_setrlimit, 99, &limit));
    TRYAS("bad resource", syscall(SYS_getrlimit, 16, &now));
    TRYAS("bad address", syscall(SYS_getrlimit, RLIMIT_NOFILE, 8));
    struct { uint64_t cur, max; } new64 = { 60, 90 }, old64;
    TRYAS("prlimit", syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &new64, &old64));
    say("old %lu %lu", (long)old64.cur, (long)old64.max);
    TRYAS("no such process", syscall(SYS_prlimit64, 99999999, RLIMIT_NOFILE, NULL, &old64));
    TRYAS("bad resource", syscall(SYS_prlimit64, 0, 16, NULL, &old64));
    TRYAS("nothing to do", syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, NULL));
    return 0;
}
