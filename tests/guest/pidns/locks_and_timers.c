// Robust locks hold the TID of the namespace; a timer names a thread by it, and so does a message to a thread.
// needs: root
#include "pidns.h"
static pthread_mutex_t *mutex;
static volatile int by = -1, value;
static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    value = info->si_value.sival_int;
    by = syscall(SYS_gettid);
}
static volatile pid_t tid;
static volatile int stop;
static void *thread_main(void *unused)
{
    tid = syscall(SYS_gettid);
    while (!stop)
        sched_yield();
    return unused;
}
static void *lock_and_end(void *unused)
{
    pthread_mutex_lock(mutex);
    return unused;
}
static void as_init(void)
{
    pthread_t thread;
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutex_init(mutex, &attributes);
    pthread_create(&thread, NULL, lock_and_end, NULL);
    pthread_join(thread, NULL);
    say("a thread ended: %s", err(pthread_mutex_lock(mutex)));
    pthread_mutex_consistent(mutex);
    pthread_mutex_unlock(mutex);
    pid_t child = fork();
    if (child == 0) {
        pthread_create(&thread, NULL, lock_and_end, NULL);
        pthread_join(thread, NULL);
        _exit(0);
    }
    ended(child);
    say("a process ended: %s", err(pthread_mutex_lock(mutex)));
    pthread_mutex_consistent(mutex);
    pthread_mutex_unlock(mutex);

    on_siginfo(SIGUSR1, handler, 0);
    pthread_create(&thread, NULL, thread_main, NULL);
    while (!tid)
        sched_yield();
    struct sigevent event = { .sigev_notify = 4 /* SIGEV_THREAD_ID */, .sigev_signo = SIGUSR1 };
    event.sigev_value.sival_int = 77;
    *(int *)((char *)&event + 16) = tid;
    int timer;
    MUST(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer));
    struct itimerspec soon = { .it_value = { 0, MS } };
    MUST(syscall(SYS_timer_settime, timer, 0, &soon, NULL));
    while (by == -1)
        sched_yield();
    say("the timer's thread %d, value %d, pid %d tid %d", by == tid, value, getpid(), tid);
    *(int *)((char *)&event + 16) = 99;
    TRYAS("a thread that is not there", syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer));
    by = -1;
    siginfo_t info = { .si_code = SI_QUEUE };
    info.si_pid = 1;
    info.si_value.sival_int = 5;
    MUST(syscall(SYS_rt_tgsigqueueinfo, 1, tid, SIGUSR1, &info));
    while (by == -1)
        sched_yield();
    say("queued: thread %d, value %d", by == tid, value);
    info.si_code = SI_TKILL;
    TRYAS("tkill's code to itself", syscall(SYS_rt_sigqueueinfo, 1, 0, &info));
    TRYAS("tkill's code to another", syscall(SYS_rt_sigqueueinfo, tid, 0, &info));
    stop = 1;
    pthread_join(thread, NULL);
    void *head;
    size_t size;
    TRYAS("robust list of 1", syscall(SYS_get_robust_list, 1, &head, &size));
    TRYAS("robust list of nobody", syscall(SYS_get_robust_list, 99, &head, &size));
    _exit(0);
}
int main(int argc, char **argv)
{
    if (argc > 1)
        as_init();
    pid_t init = fork_newpid();
    if (init == 0) {
        execl(argv[0], argv[0], "init", NULL); /* a C library that knows its TID */
        die("exec");
    }
    say("%s", ended(init));
    return 0;
}
