// A PID 1 with threads: its leader may end first, and another thread may exec and be PID 1 then.
// needs: root
#include "pidns.h"
static int go[2], gone[2];
static const char *me;
static void orphan(const char *what)
{
    int fds[2];
    MUST(pipe(fds));
    pid_t middle = fork();
    if (middle == 0) {
        if (fork() == 0) {
            hear(fds);
            say("%s: orphan's parent %d", what, getppid());
            _exit(7);
        }
        _exit(0);
    }
    say("%s: middle %s", what, ended(middle));
    tell(fds);
    int status;
    pid_t dead = wait(&status);
    say("%s: reaped %s", what, dead > 1 ? status_text(status) : err(errno));
}
static void *last(void *unused)
{
    hear(go);
    nanosleep(&(struct timespec){ 0, 30 * MS }, NULL);
    say("tid %ld of %d", syscall(SYS_gettid), getpid());
    orphan("leader gone");
    if (fork() == 0)
        for (;;)
            pause();
    syscall(SYS_exit, 9);
    return unused;
}
static void *again(void *unused)
{
    say("tid %ld execs", syscall(SYS_gettid));
    execl(me, me, "again", NULL);
    return unused;
}
int main(int argc, char **argv)
{
    pthread_t thread;
    me = argv[0];
    if (argc > 1) {
        say("again: pid %d tid %ld", getpid(), syscall(SYS_gettid));
        TRYAS("KILL from within", kill(1, SIGKILL));
        orphan("after exec");
        _exit(5);
    }
    MUST(pipe(go));
    MUST(pipe(gone));
    pid_t init = fork_newpid();
    if (init == 0) {
        close(gone[0]);
        pthread_create(&thread, NULL, last, NULL);
        tell(go);
        syscall(SYS_exit, 3);
    }
    close(gone[1]);
    say("%s", ended(init));
    char c;
    say("all are gone: %zd", read(gone[0], &c, 1));
    init = fork_newpid();
    if (init == 0) {
        pthread_create(&thread, NULL, again, NULL);
        for (;;)
            pause();
    }
    say("%s", ended(init));
    return 0;
}
