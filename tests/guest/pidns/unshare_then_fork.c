// unshare(CLONE_NEWPID): the next child is PID 1 of the new namespace; when it is dead nobody can be born there.
// needs: root
#include "pidns.h"
static void *nothing(void *unused) { return unused; }
int main(void)
{
    char link[100];
    pthread_t thread;
    pid_t me = getpid();
    MUST(unshare(CLONE_NEWPID));
    say("my own PID stays: %d", getpid() == me);
    TRYAS("second unshare", unshare(CLONE_NEWPID));
    say("thread: %s", err(pthread_create(&thread, NULL, nothing, NULL)));
    TRYAS("clone with CLONE_NEWPID", fork_newpid());
    TRYAS("link before the first child", readlink("/proc/self/ns/pid_for_children", link, sizeof link));
    pid_t init = fork();
    if (init == 0) {
        say("pid %d tid %ld ppid %d", getpid(), syscall(SYS_gettid), getppid());
        say("session %d group %d own %d", getsid(0), getpgid(0), getpgrp());
        TRYAS("group of 2", getpgid(2));
        pid_t child = fork();
        if (child == 0) {
            say("child %d of %d", getpid(), getppid());
            say("setsid %d", setsid());
            say("session %d group %d", getsid(0), getpgrp());
            _exit(4);
        }
        say("fork says %d", child);
        int status;
        say("wait says %d", wait(&status));
        say("%s", status_text(status));
        _exit(3);
    }
    say("%s", ended(init));
    say("seen from outside: more than 2: %d", init > 2);
    TRYAS("fork when PID 1 is dead", fork());
    TRYAS("vfork when PID 1 is dead", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    TRYAS("link when PID 1 is dead", readlink("/proc/self/ns/pid_for_children", link, sizeof link));
    return 0;
}
