// The errnos of pidfd_open, pidfd_send_signal and pidfd_getfd.
#include "guest.h"
int main(void)
{
    int fd = MUST(syscall(SYS_pidfd_open, getpid(), 0));
    siginfo_t info = { .si_signo = SIGUSR1, .si_code = SI_USER };
    TRYAS("no such process", syscall(SYS_pidfd_open, 99999999, 0));
    TRYAS("zero", syscall(SYS_pidfd_open, 0, 0));
    TRYAS("negative", syscall(SYS_pidfd_open, -1, 0));
    TRYAS("bad flags", syscall(SYS_pidfd_open, getpid(), 0x10));
    TRYAS("not a descriptor", syscall(SYS_pidfd_send_signal, 99, 0, NULL, 0));
    TRYAS("not a pidfd", syscall(SYS_pidfd_send_signal, 1, 0, NULL, 0));
    TRYAS("bad signal", syscall(SYS_pidfd_send_signal, fd, 65, NULL, 0));
    TRYAS("bad flags", syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0x80));
    TRYAS("signal 0", syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
    TRYAS("info of another signal", syscall(SYS_pidfd_send_signal, fd, SIGUSR2, &info, 0));
    TRYAS("bad info", syscall(SYS_pidfd_send_signal, fd, SIGUSR1, 8, 0));
    TRYAS("getfd of a bad one", syscall(SYS_pidfd_getfd, fd, 99, 0));
    TRYAS("getfd flags", syscall(SYS_pidfd_getfd, fd, 1, 1));
    TRYAS("getfd not a pidfd", syscall(SYS_pidfd_getfd, 1, 1, 0));
    char c;
    TRY(read(fd, &c, 1));
    TRY(write(fd, "x", 1));
    TRY(lseek(fd, 0, SEEK_SET));
    return 0;
}
