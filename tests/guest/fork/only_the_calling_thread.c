// Only the thread that calls fork exists in the child; it is the leader of its group there.
#include "guest.h"
static volatile int ticks;
static int *shared_ticks;
static void *ticker(void *unused)
{
    (void)unused;
    for (;;) {
        __atomic_add_fetch(&ticks, 1, __ATOMIC_SEQ_CST);
        pause_ms(1);
    }
}
static int threads(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    int n = -1;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "Threads: %d", &n) == 1)
            break;
    if (f)
        fclose(f);
    return n;
}
static void *forker(void *unused)
{
    (void)unused;
    pid_t pid = spawn();
    if (pid == 0) {
        say("child: tid == pid %d, threads %d", gettid() == getpid(), threads());
        int before = ticks;
        pause_ms(20);
        say("child: ticks stand still %d", ticks == before);
        _exit(5);
    }
    reap(pid, "child");
    return NULL;
}
int main(void)
{
    pthread_t a, b;
    (void)shared_ticks;
    pthread_create(&a, NULL, ticker, NULL);
    pthread_create(&b, NULL, forker, NULL);
    pthread_join(b, NULL);
    say("parent: threads %d", threads());
    return 0;
}
