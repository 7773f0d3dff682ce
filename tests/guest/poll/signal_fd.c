// signalfd: pending signals are read as records, mask changes, poll.
#include "guest.h"
#include <sys/signalfd.h>
int main(void)
{
    sigset_t set = SIGSET(SIGUSR1, SIGCHLD);
    block(set);
    int fd = MUST(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    struct signalfd_siginfo info;
    TRY(read(fd, &info, sizeof info));
    kill(getpid(), SIGUSR1);
    struct pollfd p = { .fd = fd, .events = POLLIN };
    say("poll %d", poll(&p, 1, 0));
    say("read %zd: %s pid %d uid %d", read(fd, &info, sizeof info), sig(info.ssi_signo), info.ssi_pid == (unsigned)getpid(),
        info.ssi_uid == getuid());
    pid_t pid = spawn();
    if (pid == 0)
        _exit(7);
    poll(&p, 1, -1);
    read(fd, &info, sizeof info);
    say("%s status %d pid %d", sig(info.ssi_signo), info.ssi_status, info.ssi_pid == (unsigned)pid);
    waitpid(pid, NULL, 0);
    TRY(read(fd, &info, 4));
    sigset_t other = SIGSET(SIGUSR2);
    TRY(signalfd(fd, &other, 0));
    kill(getpid(), SIGUSR1);
    say("not in the mask any more: poll %d", poll(&p, 1, 0));
    TRY(signalfd(1, &set, 0));
    TRY(signalfd(-1, &set, 1));
    return 0;
}
