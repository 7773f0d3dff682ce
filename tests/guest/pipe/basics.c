// A pipe: order, end of file, EPIPE and SIGPIPE, flags of pipe2, errors.
#include "guest.h"
static volatile sig_atomic_t count;
static void handler(int number) { (void)number; count++; }
int main(void)
{
    int fd[2];
    char c[16] = "";
    MUST(pipe2(fd, O_CLOEXEC | O_NONBLOCK));
    say("cloexec %d nonblock %d, read end %d write end %d", fcntl(fd[0], F_GETFD),
        !!(fcntl(fd[0], F_GETFL) & O_NONBLOCK), fcntl(fd[0], F_GETFL) & O_ACCMODE, fcntl(fd[1], F_GETFL) & O_ACCMODE);
    TRY(read(fd[0], c, 1));
    write(fd[1], "one", 3), write(fd[1], "two", 3);
    say("%zd %s", read(fd[0], c, 15), c);
    say("empty write %zd", write(fd[1], "", 0));
    TRY(write(fd[0], "x", 1));
    TRY(read(fd[1], c, 1));
    write(fd[1], "last", 4);
    close(fd[1]);
    say("%zd %zd", read(fd[0], c, 15), read(fd[0], c, 15));
    pipe(fd);
    close(fd[0]);
    on_signal(SIGPIPE, handler, 0);
    TRY(write(fd[1], "x", 1));
    say("signals %d", (int)count);
    on_signal(SIGPIPE, SIG_IGN, 0);
    TRY(write(fd[1], "x", 1));
    pid_t pid = spawn();
    if (pid == 0) {
        on_signal(SIGPIPE, SIG_DFL, 0);
        write(fd[1], "x", 1);
        _exit(0);
    }
    reap(pid, "child");
    TRY(pipe2(fd, 0x1));
    return 0;
}
