// The death of PID 1 takes parents before their children: who loses its parent then is reaped all the same.
// needs: root
#include "pidns.h"
static int up[2], gone[2];
static void forever(void)
{
    for (;;)
        pause();
}
static void chain(int depth)
{
    if (depth == 0) {
        tell(up);
        forever();
    }
    pid_t child = fork();
    if (child == 0)
        chain(depth - 1);
    if (depth % 2)
        waitpid(child, NULL, 0);
    forever();
}
static void *idle(void *unused)
{
    forever();
    return unused;
}
static void as_init(int threads)
{
    close(gone[0]);
    if (fork() == 0)
        chain(8);
    hear(up);
    if (fork() == 0) {
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        chain(3);
    }
    hear(up);
    for (int i = 0; i < threads; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, idle, NULL);
    }
    _exit(9);
}
int main(void)
{
    char c;
    for (int threads = 0; threads < 3; threads++) {
        MUST(pipe(up));
        MUST(pipe(gone));
        pid_t init = fork_newpid();
        if (init == 0)
            as_init(threads);
        close(gone[1]);
        say("%s", ended(init));
        say("all are gone: %zd", read(gone[0], &c, 1));
    }
    /* killed from outside, by its parent's side */
    MUST(pipe(up));
    MUST(pipe(gone));
    pid_t init = fork_newpid();
    if (init == 0) {
        close(gone[0]);
        chain(6);
    }
    close(gone[1]);
    hear(up);
    MUST(kill(init, SIGKILL));
    say("%s", ended(init));
    say("all are gone: %zd", read(gone[0], &c, 1));
    return 0;
}
