// futex_wake, futex_wait and futex_requeue, the calls with futex2 flags.
// needs: linux-6.7
#include "futex_pi.h"
#define SIZE_U8 0
#define U32 2
#define PRIVATE 128
#define wake(addr, mask, nr, flags) syscall(454, addr, (unsigned long)(mask), nr, flags)
#define wait_on(addr, val, mask, flags, t, clock) syscall(455, addr, (unsigned long)(val), (unsigned long)(mask), flags, t, clock)
struct waitv { uint64_t val, uaddr; uint32_t flags, reserved; };
static int word __attribute__((aligned(8))), other;
static long requeue(struct waitv *v, unsigned flags, int n, int m) { return syscall(456, v, flags, n, m); }
static void nothing(int number) { (void)number; }
static int run(struct worker *w, int command)
{
    (void)w;
    return wait_on(&word, word, command, U32 | PRIVATE, NULL, 0);
}
int main(void)
{
    struct timespec past = { 0, 1 }, bad = { 0, -1 }, soon;
    for (int flags = 0; flags < 10; flags++)
        say("flags %d: %s", flags, outcome(wake(&word, 1, 1, flags)));
    TRY(wake(&word, 1, 1, U32 | 16));
    TRY(wake(&word, 0, 1, U32));
    TRY(wake(&word, 0x100000001UL, 1, U32));
    TRY(wake((char *)&word + 1, 1, 1, U32));
    TRY(wake((int *)8, 1, 1, U32));
    TRY(wake((int *)8, 1, 1, U32 | PRIVATE));
    TRY(wait_on(&word, 1, 1, U32, NULL, 0));
    TRY(wait_on(&word, 0, 0, U32, NULL, 0));
    TRY(wait_on(&word, 0x100000000UL, 1, U32, NULL, 0));
    TRY(wait_on(&word, 0, 1, 0, NULL, 0));
    TRY(wait_on(&word, 0, 1, U32, &past, CLOCK_MONOTONIC));
    TRY(wait_on(&word, 0, 1, U32, &past, CLOCK_REALTIME));
    TRY(wait_on(&word, 0, 1, U32, &past, CLOCK_BOOTTIME));
    TRY(wait_on(&word, 0, 1, U32, &bad, CLOCK_MONOTONIC));
    TRY(wait_on(&word, 0, 1, U32, (void *)8, CLOCK_MONOTONIC));
    TRY(wait_on(&word, 7, 1, U32, NULL, CLOCK_BOOTTIME));
    TRY(wait_on((int *)8, 0, 1, U32, NULL, 0));
    clock_gettime(CLOCK_MONOTONIC, &soon);
    soon.tv_sec += 1;
    on_signal(SIGALRM, nothing, 0);
    ualarm(50000, 0);
    TRY(wait_on(&word, 0, 1, U32, &soon, CLOCK_MONOTONIC));
    on_signal(SIGALRM, nothing, SA_RESTART);
    clock_gettime(CLOCK_MONOTONIC, &soon);
    soon.tv_nsec += 200 * MS, soon.tv_sec += soon.tv_nsec / 1000000000, soon.tv_nsec %= 1000000000;
    ualarm(50000, 0);
    TRY(wait_on(&word, 0, 1, U32, &soon, CLOCK_MONOTONIC));
    struct worker w[3];
    for (int i = 0; i < 3; i++) {
        start_worker(&w[i], i, run);
        order(&w[i], 1 << i);
    }
    say("none asked for: %ld", wake(&word, -1u, 0, U32 | PRIVATE));
    say("shared: %ld", wake(&word, -1u, 3, U32));
    say("another bit: %ld", wake(&word, 8, 3, U32 | PRIVATE));
    say("the second: %ld", wake(&word, 2, 3, U32 | PRIVATE));
    settle(&w[1]);
    say("%d %d %d", w[0].phase, w[1].phase, w[2].phase);
    struct waitv v[2] = { { 0, (uintptr_t)&word, U32 | PRIVATE, 0 }, { 0, (uintptr_t)&other, U32 | PRIVATE, 0 } };
    struct waitv odd[2] = { v[0], v[1] };
    TRY(requeue(NULL, 0, 1, 1));
    TRY(requeue(v, 1, 1, 1));
    TRY(requeue(v, 0, -1, 1));
    TRY(requeue((void *)8, 0, 1, 1));
    odd[1].flags = 0;
    TRY(requeue(odd, 0, 1, 1));
    odd[1] = v[1], odd[1].reserved = 1;
    TRY(requeue(odd, 0, 1, 1));
    odd[0].val = 5, odd[1] = v[1];
    TRY(requeue(odd, 0, 1, 1));
    odd[0] = v[0], odd[1].val = 5;
    say("one to another word: %ld", requeue(odd, 0, 0, 1));
    say("there: %ld", wake(&other, -1u, 5, U32 | PRIVATE));
    say("here: %ld", wake(&word, -1u, 5, U32 | PRIVATE));
    settle(&w[0]), settle(&w[2]);
    say("%ld %ld %ld", w[0].result, w[1].result, w[2].result);
    order(&w[0], 1);
    v[1].flags = U32;
    TRYAS("private to shared", requeue(v, 0, 0, 1));
    say("private %ld", wake(&other, -1u, 5, U32 | PRIVATE));
    say("shared %ld", wake(&other, -1u, 5, U32));
    say("still %ld", wake(&word, -1u, 5, U32 | PRIVATE));
    return 0;
}
