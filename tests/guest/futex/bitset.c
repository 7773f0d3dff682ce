// FUTEX_WAKE_BITSET wakes only waiters whose set meets it; the timeout of WAIT_BITSET is absolute.
#include "futex.h"
static int word, got[3];
static void *waiter(void *argument)
{
    long i = (long)argument;
    if (futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, 1 << i) == 0)
        got[i] = 1;
    return NULL;
}
int main(void)
{
    pthread_t t[3];
    for (long i = 0; i < 3; i++)
        pthread_create(&t[i], NULL, waiter, (void *)i);
    pause_ms(20);
    say("bit 1: %ld", futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL, NULL, 2));
    pthread_join(t[1], NULL);
    say("%d %d %d", got[0], got[1], got[2]);
    say("bit 7: %ld", futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL, NULL, 128));
    say("rest: %ld", futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0));
    pthread_join(t[0], NULL);
    pthread_join(t[2], NULL);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    TRYAS("past", futex(&word, FUTEX_WAIT_BITSET, 0, &now, NULL, -1));
    clock_gettime(CLOCK_REALTIME, &now);
    TRYAS("past, real time", futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &now, NULL, -1));
    return 0;
}
