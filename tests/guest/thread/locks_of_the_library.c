// Mutex kinds, read-write locks, semaphores, barriers, once, keys.
#include "guest.h"
#include <semaphore.h>
static pthread_key_t key;
static int destroyed, once_count;
static sem_t sem;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int serial;
static void destroy(void *value) { destroyed += (int)(long)value; }
static void init_once(void) { once_count++; }
static void *worker(void *argument)
{
    pthread_setspecific(key, argument);
    pthread_once(&once, init_once);
    sem_wait(&sem);
    sem_post(&sem);
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
        __atomic_add_fetch(&serial, 1, __ATOMIC_SEQ_CST);
    return NULL;
}
int main(void)
{
    pthread_t t[3];
    pthread_key_create(&key, destroy);
    sem_init(&sem, 0, 1);
    pthread_barrier_init(&barrier, NULL, 3);
    for (long i = 0; i < 3; i++)
        pthread_create(&t[i], NULL, worker, (void *)(i + 1));
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    say("destroyed %d, once %d, serial %d", destroyed, once_count, serial);
    pthread_mutexattr_t attr;
    pthread_mutex_t m;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&m, &attr);
    say("errorcheck: %s %s %s %s", err(pthread_mutex_lock(&m)), err(pthread_mutex_lock(&m)),
        err(pthread_mutex_unlock(&m)), err(pthread_mutex_unlock(&m)));
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&m, &attr);
    say("recursive: %s %s %s", err(pthread_mutex_lock(&m)), err(pthread_mutex_lock(&m)), err(pthread_mutex_unlock(&m)));
    pthread_mutex_t normal = PTHREAD_MUTEX_INITIALIZER;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 5 * MS;
    if (until.tv_nsec >= 1000000000)
        until.tv_sec++, until.tv_nsec -= 1000000000;
    pthread_mutex_lock(&normal);
    say("try %s, timed %s", err(pthread_mutex_trylock(&normal)), err(pthread_mutex_timedlock(&normal, &until)));
    pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
    say("rw: read %s read %s write %s", err(pthread_rwlock_rdlock(&rw)), err(pthread_rwlock_rdlock(&rw)),
        err(pthread_rwlock_trywrlock(&rw)));
    return 0;
}
