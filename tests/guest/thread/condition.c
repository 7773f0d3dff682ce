// Condition variables: a queue between producers and consumers.
#include "guest.h"
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER, room = PTHREAD_COND_INITIALIZER;
static int queue[4], count, taken_sum, taken;
static void *producer(void *argument)
{
    for (int i = 0; i < 50; i++) {
        pthread_mutex_lock(&mutex);
        while (count == 4)
            pthread_cond_wait(&room, &mutex);
        queue[count++] = (int)(long)argument + i;
        pthread_cond_signal(&filled);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}
static void *consumer(void *unused)
{
    (void)unused;
    for (;;) {
        pthread_mutex_lock(&mutex);
        while (count == 0 && taken < 100)
            pthread_cond_wait(&filled, &mutex);
        if (taken == 100) {
            pthread_cond_broadcast(&filled);
            pthread_mutex_unlock(&mutex);
            return NULL;
        }
        taken_sum += queue[--count];
        taken++;
        pthread_cond_signal(&room);
        if (taken == 100)
            pthread_cond_broadcast(&filled);
        pthread_mutex_unlock(&mutex);
    }
}
int main(void)
{
    pthread_t t[5];
    pthread_create(&t[0], NULL, producer, (void *)0L);
    pthread_create(&t[1], NULL, producer, (void *)1000L);
    for (int i = 2; i < 5; i++)
        pthread_create(&t[i], NULL, consumer, NULL);
    for (int i = 0; i < 5; i++)
        pthread_join(t[i], NULL);
    say("taken %d, sum %d", taken, taken_sum);
    struct timespec past = { 1, 0 };
    pthread_mutex_lock(&mutex);
    say("timed wait: %s", err(pthread_cond_timedwait(&filled, &mutex, &past)));
    return 0;
}
