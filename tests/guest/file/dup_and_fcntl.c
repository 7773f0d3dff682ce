// dup, dup2, dup3, F_DUPFD, F_GETFL, F_SETFL, close_range: numbers, flags, errors.
#include "guest.h"
int main(void)
{
    int fd = MUST(open("file", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    int copy = dup(fd);
    say("next number %d, cloexec %d then %d", copy == fd + 1, fcntl(fd, F_GETFD), fcntl(copy, F_GETFD));
    write(fd, "12345", 5);
    say("one offset %d", (int)lseek(copy, 0, SEEK_CUR));
    say("dup2 %d, to itself %d", dup2(fd, 30), dup2(fd, fd) == fd);
    say("dup3 %d cloexec %d", dup3(fd, 31, O_CLOEXEC), fcntl(31, F_GETFD));
    TRY(dup3(fd, fd, 0));
    TRY(dup3(fd, 32, 1));
    TRY(dup(99));
    TRY(dup2(99, 1));
    TRY(dup2(fd, -1));
    TRY(dup2(fd, 10000000));
    say("F_DUPFD %d", fcntl(fd, F_DUPFD, 50));
    TRY(fcntl(fd, F_DUPFD, -1));
    say("flags %#x", fcntl(fd, F_GETFL) & ~O_LARGEFILE & ~0100000);
    TRY(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK));
    say("flags %#x, of the copy, too %d", fcntl(fd, F_GETFL) & ~0100000, fcntl(copy, F_GETFL) == fcntl(fd, F_GETFL));
    TRY(fcntl(fd, 9999, 0));
    TRY(fcntl(99, F_GETFD));
    TRYAS("close_range", syscall(SYS_close_range, 30, 49, 0));
    say("30 %d, 31 %d, 50 %d", fcntl(30, F_GETFD) != -1, fcntl(31, F_GETFD) != -1, fcntl(50, F_GETFD) != -1);
    TRYAS("close_range cloexec", syscall(SYS_close_range, 40, -1U, 4));
    say("50 cloexec %d", fcntl(50, F_GETFD));
    TRYAS("backwards", syscall(SYS_close_range, 5, 4, 0));
    TRYAS("flags", syscall(SYS_close_range, 40, 50, 64));
    TRY(close(fd));
    TRY(close(fd));
    TRY(close(-1));
    return 0;
}
