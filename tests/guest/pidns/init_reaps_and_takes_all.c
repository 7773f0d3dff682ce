// Orphans go to the namespace's PID 1, not to a subreaper outside; its death kills all within, nested ones included.
// needs: root
#include "pidns.h"
static int gone[2], up[2], last[2];
static void forever(void)
{
    signal(SIGTERM, SIG_IGN);
    for (;;)
        pause();
}
static void as_init(void)
{
    int fds[2];
    MUST(pipe(fds));
    pid_t middle = fork();
    if (middle == 0) {
        if (fork() == 0) {
            hear(fds);
            say("orphan's parent is %d", getppid());
            _exit(7);
        }
        _exit(0);
    }
    say("middle %s", ended(middle));
    tell(fds);
    int status;
    pid_t orphan = wait(&status);
    say("reaped %d: %s", orphan, status_text(status));
    for (int i = 0; i < 3; i++)
        if (fork() == 0) {
            if (i == 1)
                setsid();
            forever();
        }
    if (fork() == 0) {
        if (fork() == 0)
            forever();
        _exit(0); /* a zombie, and an orphan */
    }
    pid_t nested = fork_newpid();
    if (nested == 0) {
        if (fork() == 0)
            forever();
        tell(up);
        forever();
    }
    hear(up);
    _exit(9);
}
int main(void)
{
    MUST(prctl(PR_SET_CHILD_SUBREAPER, 1));
    MUST(pipe(gone));
    MUST(pipe(up));
    MUST(pipe(last));
    pid_t init = fork_newpid();
    if (init == 0) {
        close(gone[0]);
        as_init();
    }
    close(gone[1]);
    say("init %s", ended(init));
    char c;
    say("nobody holds the pipe: %zd", read(gone[0], &c, 1));
    TRYAS("no more children", wait(NULL));
    init = fork_newpid();
    if (init == 0) {
        pid_t child = fork();
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGUSR1);
            forever();
        }
        kill(child, SIGKILL);
        say("child %s", ended(child));
        *(volatile int *)8 = 1;
    }
    say("a fault of PID 1: %s", ended(init));
    return 0;
}
