// Descriptors of the child refer to the parent's open files: one offset, one set of status flags, own close-on-exec.
#include "guest.h"
int main(void)
{
    char name[] = "file.XXXXXX", text[8] = "";
    int fd = MUST(mkstemp(name));
    MUST(write(fd, "abcdefghij", 10));
    lseek(fd, 2, SEEK_SET);
    pid_t pid = spawn();
    if (pid == 0) {
        read(fd, text, 3);
        say("child read %s", text);
        fcntl(fd, F_SETFL, O_APPEND | O_RDWR);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        close(0);
        _exit(0);
    }
    reap(pid, "child");
    say("offset %d", (int)lseek(fd, 0, SEEK_CUR));
    say("append %d cloexec %d", !!(fcntl(fd, F_GETFL) & O_APPEND), fcntl(fd, F_GETFD));
    say("stdin still open: %d", fcntl(0, F_GETFD) != -1);
    unlink(name);
    return 0;
}
