// A byte in a pipe wakes all who poll it; only one reads it.
#include "guest.h"
int main(void)
{
    int fd[2];
    MUST(pipe2(fd, O_NONBLOCK));
    pid_t pids[3];
    for (int i = 0; i < 3; i++) {
        pids[i] = spawn();
        if (pids[i] == 0) {
            struct pollfd p = { .fd = fd[0], .events = POLLIN };
            if (poll(&p, 1, 5000) != 1)
                _exit(9);
            pause_ms(20);
            char c;
            _exit(read(fd[0], &c, 1) == 1);
        }
    }
    for (int i = 0; i < 3; i++)
        until_state(pids[i], 'S');
    pause_ms(5);
    write(fd[1], "x", 1);
    int got = 0, none = 0, status;
    for (int i = 0; i < 3; i++) {
        waitpid(pids[i], &status, 0);
        got += WEXITSTATUS(status) == 1, none += WEXITSTATUS(status) == 0;
    }
    say("got %d, none %d", got, none);
    return 0;
}
