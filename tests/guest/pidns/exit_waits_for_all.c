// PID 1 that has ended is no zombie yet while a process of its namespace, killed by its end, is not reaped by a parent
// outside; the word that it has ended comes afterwards.
// needs: root
#include "pidns.h"
int main(void)
{
    char path[64];
    int go[2], status;
    MUST(pipe(go));
    pid_t init = fork_newpid();
    if (init == 0) {
        hear(go);
        _exit(8);
    }
    int own = MUST(open("/proc/self/ns/pid", O_RDONLY));
    snprintf(path, sizeof path, "/proc/%d/ns/pid", init);
    int ns = MUST(open(path, O_RDONLY));
    MUST(setns(ns, 0));
    pid_t guest = fork();
    if (guest == 0)
        for (;;)
            pause();
    MUST(setns(own, 0));
    tell(go);
    siginfo_t info = { 0 };
    MUST(waitid(P_PID, guest, &info, WEXITED | WNOWAIT));
    say("the other is dead by %s", sig(info.si_status));
    nanosleep(&(struct timespec){ 0, 50 * MS }, NULL);
    say("PID 1 can be waited for: %d", waitpid(init, &status, WNOHANG) != 0);
    TRYAS("signal to it", kill(init, SIGKILL));
    int fd = MUST(syscall(SYS_pidfd_open, init, 0));
    struct pollfd p = { .fd = fd, .events = POLLIN };
    say("its pidfd: %d", poll(&p, 1, 0));
    MUST(setns(ns, 0));
    TRYAS("fork there", fork());
    MUST(setns(own, 0));
    say("%s", ended(guest));
    say("its pidfd: %d", poll(&p, 1, -1));
    say("%s", ended(init));
    return 0;
}
