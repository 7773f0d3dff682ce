/* The tracer ends: tracees go on, or die with it (PTRACE_O_EXITKILL); the real parent waits as ever. */
#include "ptrace.h"

static void round_of(const char *what, int options)
{
    int ready[2], status;
    if (pipe(ready))
        exit(1);
    int child = fork();
    if (child == 0)
        for (;;)
            pause();
    int tracer = fork();
    if (tracer == 0) {
        ptrace(PTRACE_SEIZE, child, 0, options);
        ptrace(PTRACE_INTERRUPT, child, 0, 0);
        waitpid(child, &status, __WALL);
        printf("%s: tracer sees %s\n", what, told(status));
        fflush(stdout);
        if (write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    char byte;
    if (read(ready[0], &byte, 1) != 1)
        exit(1);
    printf("%s: the parent sees nothing of it: %d\n", what, waitpid(child, &status, WNOHANG | WUNTRACED));
    kill(tracer, SIGKILL);
    waitpid(tracer, &status, 0);
    printf("%s: tracer %s\n", what, told(status));
    if (!options) {
        usleep(20000);
        printf("%s: alive %d\n", what, kill(child, 0));
        kill(child, SIGTERM);
    }
    wait_and_tell(child, what);
}

static void zombie_of_a_tracee(void)
{
    int status, child = fork();
    if (child == 0) {
        usleep(30000);
        _exit(6);
    }
    int tracer = fork();
    if (tracer == 0) {
        ptrace(PTRACE_SEIZE, child, 0, 0);
        waitpid(child, &status, __WALL);
        printf("the tracer first: %s\n", told(status));
        fflush(stdout);
        _exit(0);
    }
    waitpid(tracer, &status, 0);
    wait_and_tell(child, "then the parent");
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    round_of("plain", 0);
    round_of("exitkill", PTRACE_O_EXITKILL);
    zombie_of_a_tracee();
    return 0;
}
