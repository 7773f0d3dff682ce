// A dynamically linked program: threads, thread-local variables, a constructor, a condition variable.
#include "guest.h"
static __thread int local = 5;
static int made;
__attribute__((constructor)) static void construct(void) { made = 1; }
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int ready;
static void *worker(void *argument)
{
    local += (int)(long)argument;
    pthread_mutex_lock(&mutex);
    ready++;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    return (void *)(long)local;
}
int main(void)
{
    pthread_t t[4];
    long sum = 0;
    for (long i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, worker, (void *)i);
    pthread_mutex_lock(&mutex);
    while (ready < 4)
        pthread_cond_wait(&cond, &mutex);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(t[i], &result);
        sum += (long)result;
    }
    say("made %d, sum %ld, local %d", made, sum, local);
    return 0;
}
