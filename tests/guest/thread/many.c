// Two hundred threads, created and joined in waves.
#include "guest.h"
static int sum;
static void *worker(void *argument) { return (void *)(long)__atomic_add_fetch(&sum, (int)(long)argument, __ATOMIC_SEQ_CST); }
int main(void)
{
    for (int wave = 0; wave < 10; wave++) {
        pthread_t t[20];
        for (long i = 0; i < 20; i++)
            if (pthread_create(&t[i], NULL, worker, (void *)i))
                die("pthread_create");
        for (int i = 0; i < 20; i++)
            pthread_join(t[i], NULL);
    }
    say("sum %d", sum);
    return 0;
}
