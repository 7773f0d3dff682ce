// A fatal signal to one thread ends the whole process.
#include "guest.h"
static void *sleeper(void *argument)
{
    *(pid_t *)argument = gettid();
    for (;;)
        pause();
}
static void *faulter(void *unused)
{
    pause_ms(5);
    *(volatile int *)8 = 1;
    return unused;
}
int main(void)
{
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    pid_t pid = spawn();
    if (pid == 0) {
        pthread_t t;
        volatile pid_t tid = 0;
        pthread_create(&t, NULL, sleeper, (void *)&tid);
        while (!tid)
            sched_yield();
        syscall(SYS_tgkill, getpid(), tid, SIGTERM);
        for (;;)
            pause();
    }
    reap(pid, "tgkill");
    pid = spawn();
    if (pid == 0) {
        pthread_t t;
        pthread_create(&t, NULL, faulter, NULL);
        for (;;)
            pause();
    }
    reap(pid, "fault");
    return 0;
}
