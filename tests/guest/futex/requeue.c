// FUTEX_CMP_REQUEUE wakes some and moves the rest, who are then woken at the other word.
#include "futex.h"
static int first = 1, second = 2, awake;
static void *waiter(void *unused)
{
    (void)unused;
    if (futex(&first, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0) == 0)
        __atomic_add_fetch(&awake, 1, __ATOMIC_SEQ_CST);
    return NULL;
}
int main(void)
{
    pthread_t t[5];
    int tids = 0;
    for (int i = 0; i < 5; i++)
        pthread_create(&t[i], NULL, waiter, NULL);
    (void)tids;
    pause_ms(20);
    long moved = futex(&first, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2L, &second, 1);
    say("woken and moved: %ld", moved);
    long at_first = futex(&first, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    long at_second = futex(&second, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    say("at first %ld, at second %ld", at_first, at_second);
    for (int i = 0; i < 5; i++)
        pthread_join(t[i], NULL);
    say("awake %d", awake);
    return 0;
}
