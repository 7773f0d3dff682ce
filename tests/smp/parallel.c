// What several CPUs change: prints microseconds and counts for tests/test_smp.py to judge.
#include "guest/guest.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/time.h>

static long long us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static volatile int over;

static void *compute(void *rounds)
{
    for (volatile long i = 0; i < (long)rounds; i++)
        ;
    return NULL;
}

static void *spin(void *unused)
{
    while (!over)
        ;
    return unused;
}

static pthread_t run(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    pthread_create(&thread, NULL, function, argument);
    return thread;
}

/* N threads that compute: wall time, the process's CPU time by its clock and by getrusage. */
static void threads(int count, long rounds)
{
    pthread_t all[64];
    long long wall = us(CLOCK_MONOTONIC), cpu = us(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < count; i++)
        all[i] = run(compute, (void *)rounds);
    for (int i = 0; i < count; i++)
        pthread_join(all[i], NULL);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%lld %lld %lld\n", us(CLOCK_MONOTONIC) - wall, us(CLOCK_PROCESS_CPUTIME_ID) - cpu,
           (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void on_timer(int sig)
{
    over = sig;
}

/* A timer on 20 ms of CPU time while N threads use it up: the wall time until it fires. */
static void timer(int count)
{
    struct itimerval value = {{0, 0}, {0, 20000}};
    pthread_t all[64];
    signal(SIGPROF, on_timer);
    for (int i = 1; i < count; i++)
        all[i] = run(spin, NULL);
    long long wall = us(CLOCK_MONOTONIC);
    setitimer(ITIMER_PROF, &value, NULL);
    spin(NULL);
    printf("%lld\n", us(CLOCK_MONOTONIC) - wall);
    for (int i = 1; i < count; i++)
        pthread_join(all[i], NULL);
}

static pthread_spinlock_t lock;
static long counter;

static void *count_locked(void *rounds)
{
    for (long i = 0; i < (long)rounds; i++) {
        pthread_spin_lock(&lock);
        counter++;
        pthread_spin_unlock(&lock);
    }
    return NULL;
}

/* Threads under a spin lock: the count is right, and they come to an end. */
static void spinlock(int count, long rounds)
{
    pthread_t all[64];
    long long wall = us(CLOCK_MONOTONIC);
    pthread_spin_init(&lock, 0);
    for (int i = 0; i < count; i++)
        all[i] = run(count_locked, (void *)rounds);
    for (int i = 0; i < count; i++)
        pthread_join(all[i], NULL);
    printf("%ld %lld\n", counter, us(CLOCK_MONOTONIC) - wall);
}

static atomic_int turn;

static void *answer(void *rounds)
{
    for (long i = 0; i < (long)rounds; i++) {
        while (atomic_load(&turn) != 1)
            ;
        atomic_store(&turn, 0);
    }
    return NULL;
}

/* Two threads that wait for each other by spinning. */
static void handshake(long rounds)
{
    long long wall = us(CLOCK_MONOTONIC);
    pthread_t other = run(answer, (void *)rounds);
    for (long i = 0; i < rounds; i++) {
        atomic_store(&turn, 1);
        while (atomic_load(&turn) != 0)
            ;
    }
    pthread_join(other, NULL);
    printf("%lld\n", us(CLOCK_MONOTONIC) - wall);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long whose;

static void *play(void *me)
{
    for (int i = 0; i < 300; i++) {
        pthread_mutex_lock(&mutex);
        while (whose != (long)me)
            pthread_cond_wait(&changed, &mutex);
        whose = !whose;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

/* Two threads that wait for each other by futexes, each on a CPU of its own. */
static void ping_pong(void)
{
    long long wall = us(CLOCK_MONOTONIC);
    pthread_t first = run(play, (void *)0), second = run(play, (void *)1);
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    pthread_setaffinity_np(first, sizeof set, &set);
    CPU_ZERO(&set);
    CPU_SET(1, &set);
    pthread_setaffinity_np(second, sizeof set, &set);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    printf("%lld\n", us(CLOCK_MONOTONIC) - wall);
}

/* The clock never goes back, whichever thread reads it. */
static atomic_llong latest;
static atomic_int backwards;

static void *read_clock(void *rounds)
{
    for (long i = 0; i < (long)rounds; i++) {
        struct timespec now;
        long long before = atomic_load(&latest);
        clock_gettime(CLOCK_MONOTONIC, &now);
        long long time = now.tv_sec * 1000000000LL + now.tv_nsec;
        backwards += time < before;
        while (before < time && !atomic_compare_exchange_weak(&latest, &before, time))
            ;
        for (volatile int wait = 0; wait < i % 500; wait++)
            ;
    }
    return NULL;
}

static void clocks(int count)
{
    pthread_t all[64];
    for (int i = 0; i < count; i++)
        all[i] = run(read_clock, (void *)400);
    for (int i = 0; i < count; i++)
        pthread_join(all[i], NULL);
    printf("%d\n", backwards);
}

int main(int argc, char **argv)
{
    int count = argc > 2 ? atoi(argv[2]) : 2;
    long rounds = argc > 3 ? atol(argv[3]) : 0;
    switch (argv[1][0]) {
    case 't': threads(count, rounds); break;
    case 'i': timer(count); break;
    case 's': spinlock(count, rounds); break;
    case 'h': handshake(rounds); break;
    case 'p': ping_pong(); break;
    case 'c': clocks(count); break;
    }
    return 0;
}
