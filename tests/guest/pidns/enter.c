// setns with a PID namespace: the caller stays, its children are born there; only its own and those below can be entered.
// needs: root
#include "pidns.h"
int main(void)
{
    char path[64];
    int go[2], up[2], own = MUST(open("/proc/self/ns/pid", O_RDONLY));
    MUST(pipe(go));
    MUST(pipe(up));
    pid_t init = fork_newpid();
    if (init == 0) {
        TRYAS("back up", setns(own, CLONE_NEWPID));
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        ended(child);
        tell(up);
        int status;
        pid_t dead;
        while ((dead = wait(&status)) == -1) /* the orphan comes later */
            sched_yield();
        say("reaped %d: %s", dead, status_text(status));
        hear(go);
        _exit(0);
    }
    hear(up);
    snprintf(path, sizeof path, "/proc/%d/ns/pid", init);
    int ns = MUST(open(path, O_RDONLY));
    TRYAS("as another kind", setns(ns, CLONE_NEWUTS));
    pid_t me = getpid();
    TRY(setns(ns, CLONE_NEWPID));
    say("my PID stays %d", getpid() == me);
    TRYAS("unshare now", unshare(CLONE_NEWPID));
    pid_t child = fork();
    if (child == 0) {
        say("born there as %d, parent %d", getpid(), getppid());
        pid_t grandchild = fork();
        if (grandchild == 0) {
            nanosleep(&(struct timespec){ 0, 30 * MS }, NULL);
            say("orphan's parent %d", getppid());
            _exit(6);
        }
        _exit(0);
    }
    say("child %s", ended(child));
    TRYAS("to my own again", setns(own, 0));
    child = fork();
    if (child == 0)
        _exit(0);
    char number[32];
    snprintf(number, sizeof number, "/proc/%d", child);
    say("born in my own: %d", access(number, F_OK) == 0);
    ended(child);
    int by_pidfd = MUST(syscall(SYS_pidfd_open, init, 0));
    TRYAS("by a pidfd", setns(by_pidfd, CLONE_NEWPID));
    child = fork();
    if (child == 0) {
        say("born as %d", getpid());
        _exit(0);
    }
    ended(child);
    tell(go);
    say("init %s", ended(init));
    TRYAS("fork where PID 1 is dead", fork());
    TRYAS("enter it again", setns(ns, 0));
    TRYAS("to my own", setns(own, 0));
    child = fork();
    if (child == 0)
        _exit(0);
    say("%s", ended(child));
    if (fork() == 0) {
        MUST(setuid(1000));
        TRYAS("user: own", setns(own, 0));
        TRYAS("user: new", unshare(CLONE_NEWPID));
        say("user: clone %s", outcome(fork_newpid()));
        _exit(0);
    }
    wait(NULL);
    return 0;
}
