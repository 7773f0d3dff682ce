// Futex words that cannot be: not aligned, not mapped, read-only, of another kind of memory; odd arguments.
#include "guest.h"
#include "futex.h"
static long call(void *word, int op, unsigned value, void *time, void *word2, unsigned value3)
{
    return syscall(SYS_futex, word, op, value, time, word2, value3);
}
static void *map(int prot, int kind) { return mmap(NULL, 4096, prot, kind | MAP_ANONYMOUS, -1, 0); }
int main(void)
{
    static unsigned a, b;
    const int private = 128, realtime = 256;
    void *readonly = map(PROT_READ, MAP_PRIVATE), *shared_one = map(PROT_READ, MAP_SHARED), *none = map(0, MAP_PRIVATE);
    TRY(call((char *)&a + 1, 1, 1, NULL, NULL, 0));
    TRY(call((char *)&a + 2, 0 | private, 0, NULL, NULL, 0));
    TRY(call((void *)8, 1, 1, NULL, NULL, 0));
    TRY(call((void *)8, 1 | private, 1, NULL, NULL, 0));
    TRY(call((void *)8, 0 | private, 0, NULL, NULL, 0));
    TRY(call((void *)-8L, 1 | private, 1, NULL, NULL, 0));
    TRY(call(NULL, 1 | private, 1, NULL, NULL, 0));
    TRY(call(readonly, 0, 1, NULL, NULL, 0));
    TRY(call(readonly, 1, 1, NULL, NULL, 0));
    TRY(call(readonly, 0 | private, 1, NULL, NULL, 0));
    TRY(call(shared_one, 0, 1, NULL, NULL, 0));
    TRY(call(shared_one, 1, 1, NULL, NULL, 0));
    TRY(call(none, 1, 1, NULL, NULL, 0));
    TRY(call(none, 1 | private, 1, NULL, NULL, 0));
    TRY(call(none, 0 | private, 1, NULL, NULL, 0));
    TRY(call(&a, 3, 0, NULL, (void *)8, 0));
    TRY(call(&a, 5, 0, NULL, (void *)8, 0));
    TRY(call(&a, 5, 0, NULL, readonly, 0));
    TRY(call(&a, 5, 0, NULL, &b, 7u << 28));
    TRY(call(&a, 5, 0, NULL, &b, 9u << 24 | 1u << 28 | 5 << 12));
    say("changed all the same: %u", b);
    TRY(call(&a, 3, -1, NULL, &b, 0));
    TRY(call(&a, 3, 0, (void *)-1L, &b, 0));
    TRY(call(&a, 1 | realtime, 0, NULL, NULL, 0));
    TRY(call(&a, 3 | realtime, 0, NULL, &b, 0));
    struct timespec short_time = { 0, 1000 }, bad = { 0, 1000000000 };
    TRY(call(&a, 0 | realtime, 0, &short_time, NULL, 0));
    TRY(call(&a, 9 | realtime, 0, &short_time, NULL, 1));
    TRY(call(&a, 9, 0, &short_time, NULL, 0));
    TRY(call(&a, 0, 1, &bad, NULL, 0));
    TRY(call(&a, 0, 0, (void *)8, NULL, 0));
    TRY(call(&a, 1, 0, (void *)8, NULL, 0));
    TRY(call(&a, 2, 0, NULL, NULL, 0));
    TRY(call(&a, 99, 0, NULL, NULL, 0));
    TRY(syscall(SYS_set_robust_list, 8, 23));
    TRY(syscall(SYS_get_robust_list, 99999999, &a, &b));
    TRY(syscall(SYS_get_robust_list, 0, 8, 8));
    TRY(syscall(SYS_membarrier, 0, 1, 0));
    TRY(syscall(SYS_membarrier, 8, 0, 0));
    TRY(syscall(SYS_membarrier, 16, 0, 0));
    TRY(syscall(SYS_membarrier, 8, 0, 0));
    TRY(syscall(SYS_membarrier, 3, 0, 0));
    TRY(syscall(SYS_membarrier, 32, 0, 0));
    return 0;
}
