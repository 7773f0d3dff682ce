// FUTEX_LOCK_PI, TRYLOCK_PI, UNLOCK_PI: what they do with the word, and refuse.
#include "futex_pi.h"
static int word, other;
static const char *text(int value)
{
    static char line[64];
    int tid = value & FUTEX_TID_MASK;
    snprintf(line, sizeof line, "%s%s%s", tid == gettid() ? "mine" : tid ? "other" : "free",
             value & FUTEX_WAITERS ? " waiters" : "", value & FUTEX_OWNER_DIED ? " owner died" : "");
    return line;
}
#define SHOW(call) say("%s: %s, %s", #call, outcome(call), text(word))
static int run(struct worker *w, int command)
{
    (void)w;
    return command == 1 ? futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0) : futex(&word, FUTEX_WAIT, word, NULL, NULL, 0);
}
int main(void)
{
    pid_t dead = spawn();
    if (!dead)
        _exit(0);
    waitpid(dead, NULL, 0);
    pid_t zombie = spawn();
    if (!zombie)
        _exit(0);
    until_state(zombie, 'Z');
    pid_t alive = spawn();
    if (!alive) {
        pause();
        _exit(0);
    }
    struct timespec past = { 1, 0 }, invalid = { 0, 1000000000 }, soon;
    SHOW(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    SHOW(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    SHOW(futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
    SHOW(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    SHOW(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    SHOW(futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
    word |= FUTEX_WAITERS;
    SHOW(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    word = FUTEX_OWNER_DIED;
    SHOW(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    SHOW(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    word = FUTEX_WAITERS;
    SHOW(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    word = dead;
    SHOW(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    word = zombie;
    SHOW(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    word = dead;
    SHOW(futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
    word = alive;
    SHOW(futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
    word = alive;
    SHOW(futex(&word, FUTEX_LOCK_PI, 0, &past, NULL, 0));
    word = alive;
    SHOW(futex(&word, FUTEX_LOCK_PI, 0, &invalid, NULL, 0));
    SHOW(futex(&word, FUTEX_LOCK_PI, 0, (void *)8, NULL, 0));
    SHOW(futex(&word, FUTEX_LOCK_PI2, 0, &past, NULL, 0));
    SHOW(futex(&word, FUTEX_LOCK_PI2 | FUTEX_CLOCK_REALTIME, 0, &past, NULL, 0));
    SHOW(futex(&word, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0, &past, NULL, 0));
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 20 * MS, soon.tv_sec += soon.tv_nsec / 1000000000, soon.tv_nsec %= 1000000000;
    SHOW(futex(&word, FUTEX_LOCK_PI, 0, &soon, NULL, 0));
    clock_gettime(CLOCK_MONOTONIC, &soon);
    soon.tv_nsec += 20 * MS, soon.tv_sec += soon.tv_nsec / 1000000000, soon.tv_nsec %= 1000000000;
    SHOW(futex(&word, FUTEX_LOCK_PI2 | FUTEX_PRIVATE_FLAG, 0, &soon, NULL, 0));
    SHOW(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    SHOW(futex((int *)((char *)&word + 2), FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    SHOW(futex((int *)((char *)&word + 2), FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    SHOW(futex((int *)8, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    SHOW(futex((int *)8, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    int *readonly = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SHOW(futex(readonly, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    /* waiters of another kind, and words that contradict the waiters */
    struct worker w;
    start_worker(&w, 0, run);
    word = 0;
    order(&w, 2);
    SHOW(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    SHOW(futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
    word = gettid();
    SHOW(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    say("wake %ld", futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
    settle(&w);
    word = 0;
    futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
    say("blocks %d", !order(&w, 1));
    SHOW(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
    SHOW(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 1));
    SHOW(futex(&word, FUTEX_REQUEUE, 1, (void *)1, &other, 0));
    SHOW(futex(&word, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, &other, word));
    int right = word;
    word = 0;
    SHOW(futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
    word = alive;
    SHOW(futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
    word = FUTEX_OWNER_DIED;
    SHOW(futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
    word = right;
    SHOW(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    settle(&w);
    kill(alive, SIGKILL);
    say("handed over: %s, its %d", outcome(w.result), (word & FUTEX_TID_MASK) == w.tid);
    return 0;
}
