// FUTEX_WAIT sleeps while the word has the value; FUTEX_WAKE tells how many it woke.
#include "futex.h"
static int word = 5, awake;
static void *waiter(void *unused)
{
    (void)unused;
    if (futex(&word, FUTEX_WAIT_PRIVATE, 5, NULL, NULL, 0) == 0)
        __atomic_add_fetch(&awake, 1, __ATOMIC_SEQ_CST);
    return NULL;
}
int main(void)
{
    pthread_t t[4];
    struct timespec zero = { 0, 0 }, some = { 0, 5 * MS }, bad = { 0, -1 };
    TRYAS("other value", futex(&word, FUTEX_WAIT, 6, NULL, NULL, 0));
    TRYAS("no time", futex(&word, FUTEX_WAIT, 5, &zero, NULL, 0));
    TRYAS("some time", futex(&word, FUTEX_WAIT, 5, &some, NULL, 0));
    TRYAS("bad time", futex(&word, FUTEX_WAIT, 5, &bad, NULL, 0));
    say("nobody: %ld", futex(&word, FUTEX_WAKE, 10, NULL, NULL, 0));
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, waiter, NULL);
    int woken = 0;
    while (woken < 2)
        woken += futex(&word, FUTEX_WAKE_PRIVATE, 2 - woken, NULL, NULL, 0);
    while (__atomic_load_n(&awake, __ATOMIC_SEQ_CST) < 2)
        pause_ms(1);
    pause_ms(5);
    say("woken %d, awake %d", woken, awake);
    while (woken < 4)
        woken += futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    say("woken %d, awake %d", woken, awake);
    return 0;
}
