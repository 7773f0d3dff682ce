// Six threads take, try, leave and wait for four locks at random, one step at a time; every result and word is printed.
// needs: root
// timeout: 60
#include "futex_pi.h"
#define LOCKS 4
#define WORKERS 6
static int word[LOCKS];
static struct worker w[WORKERS];
static uint64_t seed = 2685821657736338717ULL;
static unsigned rnd(unsigned below)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (seed >> 20) % below;
}
static int run(struct worker *self, int command)
{
    static const int ops[] = { FUTEX_LOCK_PI, FUTEX_LOCK_PI, FUTEX_TRYLOCK_PI, FUTEX_UNLOCK_PI, FUTEX_LOCK_PI2 };
    struct timespec past = { 1, 0 };
    (void)self;
    int op = ops[command / 100];
    return futex(&word[command % 100], op | FUTEX_PRIVATE_FLAG, 0, op == FUTEX_LOCK_PI2 ? &past : NULL, NULL, 0);
}
static int by_tid(int tid)
{
    for (int i = 0; i < WORKERS; i++)
        if (w[i].tid == tid)
            return i;
    return -1;
}
int main(void)
{
    for (int i = 0; i < WORKERS; i++)
        start_worker(&w[i], i, run);
    for (int step = 0; step < 800; step++) {
        int i = rnd(WORKERS), lock = rnd(LOCKS), op = rnd(5);
        char line[300], *at = line;
        if (rnd(5) == 0) {
            struct sched_param param = { rnd(3) ? 1 + rnd(50) : 0 };
            syscall(SYS_sched_setscheduler, w[i].tid, param.sched_priority ? SCHED_FIFO : SCHED_OTHER, &param);
            at += sprintf(at, "%d: %d gets priority %d;", step, i, param.sched_priority);
        } else if (w[i].phase == 1) {
            continue;
        } else {
            if (op == 3)
                for (int k = 0; k < LOCKS; k++) /* rather leave a lock that it has */
                    if ((word[k] & FUTEX_TID_MASK) == w[i].tid && rnd(3))
                        lock = k;
            int back = order(&w[i], op * 100 + lock);
            at += sprintf(at, "%d: %d does %d with %d: %s;", step, i, op, lock, back ? outcome((errno = w[i].error, w[i].result)) : "waits");
            int owner = by_tid(word[lock] & FUTEX_TID_MASK);
            while (op == 3 && back && !w[i].error && owner >= 0 && w[owner].phase != 2)
                sched_yield();
            if (op == 3 && back && !w[i].error && owner >= 0)
                at += sprintf(at, " %d has it: %s;", owner, err(w[owner].error));
        }
        for (int k = 0; k < LOCKS; k++)
            at += sprintf(at, " %d%s%s", by_tid(word[k] & FUTEX_TID_MASK), word[k] & FUTEX_WAITERS ? "w" : "",
                          word[k] & FUTEX_OWNER_DIED ? "d" : "");
        at += sprintf(at, ",");
        for (int k = 0; k < WORKERS; k++)
            at += sprintf(at, " %ld%s", stat_field(w[k].tid, 18), w[k].phase == 1 ? "*" : "");
        say("%s", line);
    }
    _exit(0);
}
