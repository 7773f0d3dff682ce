// A named pipe: open waits for the other side, O_NONBLOCK does not, ENXIO for a writer without a reader.
#include "guest.h"
int main(void)
{
    MUST(mkfifo("fifo", 0600));
    TRY(open("fifo", O_WRONLY | O_NONBLOCK));
    pid_t pid = spawn();
    if (pid == 0) {
        int fd = MUST(open("fifo", O_WRONLY));
        write(fd, "through", 7);
        _exit(0);
    }
    int fd = MUST(open("fifo", O_RDONLY));
    char text[16] = "";
    read(fd, text, 15);
    say("%s, then %zd", text, read(fd, text, 15));
    reap(pid, "writer");
    close(fd);
    fd = open("fifo", O_RDONLY | O_NONBLOCK);
    say("reader alone: %s, reads %zd", outcome(fd), read(fd, text, 1));
    int w = open("fifo", O_WRONLY | O_NONBLOCK);
    say("writer now: %s", outcome(w));
    TRY(read(fd, text, 1));
    int both = open("fifo", O_RDWR);
    write(both, "x", 1);
    say("read %zd", read(fd, text, 1));
    TRY(mkfifo("fifo", 0600));
    return 0;
}
