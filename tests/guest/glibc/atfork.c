// pthread_atfork handlers: prepare in reverse order, then parent and child in order; malloc works in the child.
#include "guest.h"
static void p1(void) { say("prepare 1"); }
static void p2(void) { say("prepare 2"); }
static pid_t last;
static void a1(void) { last = 1; }
static void a2(void) { last = last * 10 + 2; }
static void c1(void) { say("child 1"); }
static void c2(void) { say("child 2"); }
static volatile int stop;
static void *allocator(void *unused)
{
    while (!stop)
        free(malloc(100));
    return unused;
}
int main(void)
{
    pthread_t t;
    pthread_create(&t, NULL, allocator, NULL);
    for (int i = 0; i < 20; i++) {
        pid_t pid = spawn();
        if (pid == 0) {
            void *p[50];
            for (int j = 0; j < 50; j++)
                p[j] = malloc(j * 37);
            for (int j = 0; j < 50; j++)
                free(p[j]);
            _exit(0);
        }
        int status;
        waitpid(pid, &status, 0);
        if (status)
            say("child %d: %s", i, status_text(status));
    }
    stop = 1;
    pthread_join(t, NULL);
    pthread_atfork(p1, a1, c1);
    pthread_atfork(p2, a2, c2);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    reap(pid, "child");
    say("parent handlers %d", last);
    return 0;
}
