/* argv[1] forked processes, all alive at once; "ready" when they are, then a line on stdin ends them. */
#include "bench.h"
int main(int argc, char **argv)
{
    long count = argc > 1 ? atol(argv[1]) : 10000;
    char line[16];
    sigset_t term, none; /* blocked, not ignored: a child that has not run yet keeps the signal */
    sigemptyset(&none);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    setpgid(0, 0);
    sigprocmask(SIG_BLOCK, &term, NULL);
    for (long i = 0; i < count; i++) {
        pid_t pid = fork();
        if (pid == -1)
            die("fork");
        if (pid == 0) {
            for (;;)
                sigsuspend(&none);
        }
    }
    if (write(1, "ready\n", 6) != 6 || read(0, line, sizeof line) < 0)
        return 1;
    kill(0, SIGTERM);
    while (count--)
        wait(NULL);
    return 0;
}
