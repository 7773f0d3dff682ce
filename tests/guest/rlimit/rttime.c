// RLIMIT_RTTIME: CPU time of a real-time thread without a sleep; SIGXCPU at the soft limit, SIGKILL at the hard one.
// needs: root
#include "guest.h"
static volatile int signals;
static void count(int number) { (void)number; signals++; }
static void spin_ms(long ms)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    long end = t.tv_sec * 1000 + t.tv_nsec / MS + ms;
    do {
        for (volatile int i = 0; i < 100000; i++)
            ;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    } while (t.tv_sec * 1000 + t.tv_nsec / MS < end);
}
static void limit(long soft, long hard)
{
    struct rlimit r = { soft, hard };
    MUST(setrlimit(RLIMIT_RTTIME, &r));
}
static void real_time(int policy)
{
    struct sched_param p = { policy == SCHED_OTHER ? 0 : 1 };
    MUST(syscall(SYS_sched_setscheduler, 0, policy, &p));
}
static void *other(void *arg)
{
    (void)arg;
    spin_ms(70);
    return NULL;
}
int main(void)
{
    on_signal(SIGXCPU, count, SA_RESTART);
    pid_t pid = spawn();
    if (!pid) {
        limit(40000, 10000000);
        spin_ms(60);
        say("not real time: %d", signals);
        real_time(SCHED_FIFO);
        for (int i = 0; i < 4; i++) {
            spin_ms(25);
            pause_ms(1);
        }
        say("with sleeps: %d", signals);
        spin_ms(25);
        sched_yield();
        spin_ms(40);
        struct rlimit now;
        getrlimit(RLIMIT_RTTIME, &now);
        say("yielding is no sleep: %d, the limit is %ld ms", signals, (long)now.rlim_cur / 1000);
        pause_ms(1);
        limit(40000, 10000000);
        pthread_t t;
        pthread_create(&t, NULL, other, NULL);
        pthread_join(t, NULL);
        say("a thread: %d", signals);
        _exit(0);
    }
    reap(pid, "soft limit");
    pid = spawn();
    if (!pid) {
        limit(20000, 60000);
        real_time(SCHED_RR);
        spin_ms(2000);
        _exit(1);
    }
    reap(pid, "hard limit");
    pid = spawn();
    if (!pid) {
        limit(20000, RLIM_INFINITY);
        real_time(SCHED_FIFO);
        pid_t child = spawn();
        if (!child) {
            spin_ms(60);
            _exit(signals);
        }
        reap(child, "inherited by fork");
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    return 0;
}
