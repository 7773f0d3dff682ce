// The errnos of futex.
#include "futex.h"
int main(void)
{
    static int word[2];
    static int readonly_page[1024] __attribute__((aligned(4096)));
    struct timespec bad = { 0, 1000000000 }, negative = { -1, 0 };
    TRYAS("unaligned", futex((int *)((char *)word + 1), FUTEX_WAIT, 0, NULL, NULL, 0));
    TRYAS("bad address", futex((int *)8, FUTEX_WAIT, 0, NULL, NULL, 0));
    TRYAS("wake on a bad address, private", futex((int *)8, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
    TRYAS("wake on a bad address, shared", futex((int *)8, FUTEX_WAKE, 1, NULL, NULL, 0));
    TRYAS("kernel address", futex((int *)0xffff800000000000UL, FUTEX_WAKE, 1, NULL, NULL, 0));
    TRYAS("bad timeout", futex(word, FUTEX_WAIT, 0, &bad, NULL, 0));
    TRYAS("negative timeout", futex(word, FUTEX_WAIT, 0, &negative, NULL, 0));
    TRYAS("timeout pointer", futex(word, FUTEX_WAIT, 0, (void *)8, NULL, 0));
    TRYAS("empty bitset wait", futex(word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0));
    TRYAS("empty bitset wake", futex(word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
    TRYAS("unknown operation", futex(word, 77, 0, NULL, NULL, 0));
    TRYAS("realtime with wake", futex(word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0));
    TRYAS("requeue negative", futex(word, FUTEX_REQUEUE, -1, (void *)1, word + 1, 0));
    TRYAS("compare requeue", futex(word, FUTEX_CMP_REQUEUE, 1, (void *)1, word + 1, 7));
    TRYAS("wake op bad", futex(word, FUTEX_WAKE_OP, 1, (void *)1, word + 1, 0x7 << 28));
    mprotect(readonly_page, 4096, PROT_READ);
    TRYAS("wake on a read-only page", futex(readonly_page, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
    TRYAS("wait on a read-only page", futex(readonly_page, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0));
    TRYAS("robust list length", syscall(SYS_set_robust_list, word, 5));
    return 0;
}
