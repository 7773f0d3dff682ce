// Descriptors with FD_CLOEXEC close at exec, others stay with their offset.
#include "guest.h"
int main(int argc, char **argv)
{
    if (argc > 1) {
        say("3: %s", fcntl(3, F_GETFD) == -1 ? err(errno) : "open");
        say("4: %s, offset %d", fcntl(4, F_GETFD) == -1 ? err(errno) : "open", (int)lseek(4, 0, SEEK_CUR));
        say("5: %s, cloexec %d", fcntl(5, F_GETFD) == -1 ? err(errno) : "open", fcntl(5, F_GETFD));
        say("6: %s", fcntl(6, F_GETFD) == -1 ? err(errno) : "open");
        return 0;
    }
    int fd = MUST(open(argv[0], O_RDONLY | O_CLOEXEC));
    if (fd != 3)
        dup3(fd, 3, O_CLOEXEC);
    int other = MUST(open(argv[0], O_RDONLY));
    if (other != 4)
        dup2(other, 4);
    lseek(4, 100, SEEK_SET);
    fcntl(3, F_DUPFD, 5);
    fcntl(3, F_DUPFD_CLOEXEC, 6);
    char *args[] = { argv[0], "again", NULL };
    execv(argv[0], args);
    return 1;
}
