// Exit closes descriptors: a reader sees the end of the pipe when the last writer is gone, however it went.
#include "guest.h"
int main(void)
{
    int fd[2];
    MUST(pipe(fd));
    pid_t first = spawn();
    if (first == 0) {
        write(fd[1], "a", 1);
        _exit(0);
    }
    pid_t second = spawn();
    if (second == 0) {
        until_state(first, 'Z');
        write(fd[1], "b", 1);
        raise(SIGKILL);
    }
    close(fd[1]);
    char c;
    int n = 0;
    while (read(fd[0], &c, 1) == 1)
        say("read %c", c), n++;
    say("end after %d", n);
    reap(first, "first");
    reap(second, "second");
    return 0;
}
