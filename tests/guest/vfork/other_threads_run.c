// Only the thread that called vfork sleeps; the others of its process go on.
#include "guest.h"
static volatile int go;
static void *worker(void *unused)
{
    (void)unused;
    pause_ms(5);
    __atomic_store_n(&go, 1, __ATOMIC_SEQ_CST);
    return NULL;
}
int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, worker, NULL);
    pid_t pid = vfork();
    if (pid == 0) {
        while (!__atomic_load_n(&go, __ATOMIC_SEQ_CST)) {
            struct timespec t = { 0, MS };
            syscall(SYS_nanosleep, &t, NULL);
        }
        _exit(9);
    }
    say("child saw the worker: %d", go);
    reap(pid, "child");
    pthread_join(thread, NULL);
    return 0;
}
