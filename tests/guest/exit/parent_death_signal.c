// PR_SET_PDEATHSIG: the child gets the signal when its parent dies; fork clears it.
#include "guest.h"
static volatile sig_atomic_t got;
static void handler(int number) { got = number; }
int main(void)
{
    int fd[2];
    MUST(pipe(fd));
    pid_t parent = spawn();
    if (parent == 0) {
        struct gate ready = new_gate();
        if (spawn() == 0) {
            on_signal(SIGUSR1, handler, 0);
            sigset_t old = block(SIGSET(SIGUSR1));
            prctl(PR_SET_PDEATHSIG, SIGUSR1);
            int set = 0, inherited = -1;
            prctl(PR_GET_PDEATHSIG, &set);
            pid_t pid = spawn();
            if (pid == 0) {
                prctl(PR_GET_PDEATHSIG, &inherited);
                _exit(inherited);
            }
            int status;
            waitpid(pid, &status, 0);
            open_gate(ready);
            while (!got)
                sigsuspend(&old);
            dprintf(fd[1], "set %s, after fork %d, got %s\n", sig(set), WEXITSTATUS(status), sig(got));
            _exit(0);
        }
        pass_gate(ready);
        _exit(0);
    }
    close(fd[1]);
    reap(parent, "parent");
    char text[100] = "";
    for (ssize_t n, at = 0; (n = read(fd[0], text + at, 99 - at)) > 0; at += n) {
    }
    printf("%s", text);
    return 0;
}
