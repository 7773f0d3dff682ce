// Two threads call execve at once: exactly one program comes of it.
#include "guest.h"
static char *program;
static pthread_barrier_t barrier;
static void *caller(void *unused)
{
    (void)unused;
    char *args[] = { program, "again", NULL };
    pthread_barrier_wait(&barrier);
    execv(program, args);
    return NULL;
}
int main(int argc, char **argv)
{
    if (argc > 1) {
        say("running once");
        return 0;
    }
    program = argv[0];
    for (int round = 0; round < 5; round++) {
        pid_t pid = spawn();
        if (pid == 0) {
            pthread_t threads[2];
            pthread_barrier_init(&barrier, NULL, 2);
            pthread_create(&threads[0], NULL, caller, NULL);
            pthread_create(&threads[1], NULL, caller, NULL);
            pause();
        }
        reap(pid, "child");
    }
    return 0;
}
