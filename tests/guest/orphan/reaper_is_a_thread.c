// When a thread that has children exits, another thread of its process becomes their parent.
#include "guest.h"
static pid_t pid;
static pid_t *box;
static void *forker(void *unused)
{
    (void)unused;
    pid = spawn();
    if (pid == 0) {
        pause_ms(20);
        box[0] = getppid();
        _exit(6);
    }
    return NULL;
}
int main(void)
{
    box = shared(4096);
    pthread_t t;
    pthread_create(&t, NULL, forker, NULL);
    pthread_join(t, NULL);
    reap(pid, "child of a dead thread");
    say("its parent was still this process: %d", box[0] == getpid());
    return 0;
}
