// glibc's mutexes with PTHREAD_PRIO_INHERIT: each type, timed locks, robust ones, conditions, many threads.
#include "guest.h"
static pthread_mutex_t make(int type, int robust, int shared)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t m;
    pthread_mutexattr_init(&attr);
    int a = pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT), b = pthread_mutexattr_settype(&attr, type);
    int c = pthread_mutexattr_setrobust(&attr, robust ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED);
    int d = pthread_mutexattr_setpshared(&attr, shared ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE);
    int e = pthread_mutex_init(&m, &attr);
    if (a || b || c || d || e)
        say("attributes %d %d %d %d %d", a, b, c, d, e);
    return m;
}
static pthread_mutex_t m;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int count, ready;
static void *adds(void *arg)
{
    (void)arg;
    for (int i = 0; i < 200; i++) {
        pthread_mutex_lock(&m);
        int c = count;
        if (i % 50 == 0)
            sched_yield();
        count = c + 1;
        pthread_mutex_unlock(&m);
    }
    return NULL;
}
static void *waits(void *arg)
{
    pthread_mutex_lock(&m);
    while (!ready)
        pthread_cond_wait(&cond, &m);
    count += *(int *)arg;
    pthread_mutex_unlock(&m);
    return NULL;
}
static void *tries(void *arg)
{
    struct timespec t;
    (void)arg;
    say("try %s", err(pthread_mutex_trylock(&m)));
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += 50 * MS, t.tv_sec += t.tv_nsec / 1000000000, t.tv_nsec %= 1000000000;
    say("timed %s", err(pthread_mutex_timedlock(&m, &t)));
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += 50 * MS, t.tv_sec += t.tv_nsec / 1000000000, t.tv_nsec %= 1000000000;
    say("clock %s", err(pthread_mutex_clocklock(&m, CLOCK_MONOTONIC, &t)));
    say("unlock %s", err(pthread_mutex_unlock(&m)));
    return NULL;
}
static void *dies(void *arg)
{
    pthread_mutex_lock(arg);
    return NULL;
}
int main(void)
{
    pthread_t t[8];
    m = make(PTHREAD_MUTEX_NORMAL, 0, 0);
    for (int i = 0; i < 8; i++)
        pthread_create(&t[i], NULL, adds, NULL);
    for (int i = 0; i < 8; i++)
        pthread_join(t[i], NULL);
    say("count %d", count);
    count = 0;
    static int numbers[8] = { 1, 2, 4, 8, 16, 32, 64, 128 };
    for (int i = 0; i < 8; i++)
        pthread_create(&t[i], NULL, waits, &numbers[i]);
    pause_ms(20);
    pthread_mutex_lock(&m);
    ready = 1;
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&m);
    for (int i = 0; i < 8; i++)
        pthread_join(t[i], NULL);
    say("woken %d", count);
    m = make(PTHREAD_MUTEX_ERRORCHECK, 0, 0);
    say("lock %s", err(pthread_mutex_lock(&m)));
    say("again %s", err(pthread_mutex_lock(&m)));
    pthread_create(&t[0], NULL, tries, NULL), pthread_join(t[0], NULL);
    say("unlock %s", err(pthread_mutex_unlock(&m)));
    say("unlock %s", err(pthread_mutex_unlock(&m)));
    m = make(PTHREAD_MUTEX_RECURSIVE, 0, 0);
    say("recursive %s %s", err(pthread_mutex_lock(&m)), err(pthread_mutex_lock(&m)));
    pthread_create(&t[0], NULL, tries, NULL), pthread_join(t[0], NULL);
    say("unlock %s %s", err(pthread_mutex_unlock(&m)), err(pthread_mutex_unlock(&m)));
    pthread_mutex_t *robust = shared(sizeof *robust);
    *robust = make(PTHREAD_MUTEX_NORMAL, 1, 1);
    pthread_create(&t[0], NULL, dies, robust), pthread_join(t[0], NULL);
    say("after a dead thread %s", err(pthread_mutex_lock(robust)));
    say("consistent %s, unlock %s", err(pthread_mutex_consistent(robust)), err(pthread_mutex_unlock(robust)));
    struct gate go = new_gate();
    pid_t pid = spawn();
    if (!pid) {
        pthread_mutex_lock(robust);
        open_gate(go);
        pause_ms(100);
        kill(getpid(), SIGKILL);
    }
    pass_gate(go);
    say("after a dead process %s", err(pthread_mutex_lock(robust)));
    say("unlock without repair %s", err(pthread_mutex_unlock(robust)));
    say("lock %s", err(pthread_mutex_lock(robust)));
    waitpid(pid, NULL, 0);
    return 0;
}
