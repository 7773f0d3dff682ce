// Threads share memory and files; join gives their results.
#include "guest.h"
static int counter;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static void *worker(void *argument)
{
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&mutex);
        counter++;
        pthread_mutex_unlock(&mutex);
    }
    return (void *)((long)argument * 10);
}
int main(void)
{
    pthread_t t[8];
    long sum = 0;
    for (long i = 0; i < 8; i++)
        pthread_create(&t[i], NULL, worker, (void *)i);
    for (int i = 0; i < 8; i++) {
        void *result;
        pthread_join(t[i], &result);
        sum += (long)result;
    }
    say("counter %d, sum %ld", counter, sum);
    return 0;
}
