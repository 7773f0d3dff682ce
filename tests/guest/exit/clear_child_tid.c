// At a thread's end the word given to set_tid_address is cleared and its futex woken.
#include "guest.h"
static int word = 77;
static void *waiter(void *unused)
{
    (void)unused;
    syscall(SYS_set_tid_address, &word);
    pause_ms(5);
    syscall(SYS_exit, 0);
    return NULL;
}
int main(void)
{
    pthread_t t;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_create(&t, &attr, waiter, NULL);
    long result = 0;
    while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) == 77)
        result = syscall(SYS_futex, &word, 0, 77, NULL);
    (void)result;
    say("word %d", word);
    say("set_tid_address gives the TID: %d", syscall(SYS_set_tid_address, NULL) == gettid());
    return 0;
}
