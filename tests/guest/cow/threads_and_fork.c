// A thread writes on while another forks: the child has a frozen copy, the parent's writes go on.
#include "guest.h"
static volatile unsigned *page;
static volatile int stop;
static void *writer(void *unused)
{
    (void)unused;
    while (!stop) {
        page[0]++;
        page[512] = page[0];
    }
    return NULL;
}
int main(void)
{
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_t t;
    pthread_create(&t, NULL, writer, NULL);
    int good = 0;
    for (int i = 0; i < 10; i++) {
        pid_t pid = spawn();
        if (pid == 0) {
            unsigned a = page[0];
            pause_ms(1);
            _exit(page[0] == a && (page[512] == a || page[512] == a - 1));
        }
        int status;
        waitpid(pid, &status, 0);
        good += WEXITSTATUS(status);
    }
    unsigned before = page[0];
    while (page[0] == before)
        sched_yield();
    stop = 1;
    pthread_join(t, NULL);
    say("good %d", good);
    return 0;
}
