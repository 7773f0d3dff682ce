// RLIMIT_NOFILE: EMFILE at the limit for every call that makes a descriptor; those above it stay open.
#include "guest.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
int main(void)
{
    int high = MUST(dup2(1, 60));
    struct rlimit limit = { 4, 100 };
    int fd[2];
    MUST(dup2(1, 3));
    MUST(setrlimit(RLIMIT_NOFILE, &limit));
    TRY(open("/dev/null", O_RDONLY));
    TRY(dup(1));
    TRY(dup2(1, 4));
    TRY(dup2(1, 3));
    TRY(fcntl(1, F_DUPFD, 0));
    TRY(fcntl(1, F_DUPFD, 4));
    TRY(pipe(fd));
    TRY(epoll_create1(0));
    TRY(eventfd(0, 0));
    TRY(syscall(SYS_pidfd_open, getpid(), 0));
    say("high one still open: %d", fcntl(high, F_GETFD) != -1);
    close(3);
    TRY(pipe(fd));
    TRY(dup(1));
    return 0;
}
