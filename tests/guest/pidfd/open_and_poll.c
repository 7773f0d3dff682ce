// A pidfd: close-on-exec, readable when the process has ended, also for one that is a zombie already.
// needs: linux-6.14
#include "guest.h"
int main(void)
{
    struct gate gate = new_gate();
    pid_t pid = spawn();
    if (pid == 0) {
        pass_gate(gate);
        _exit(6);
    }
    int fd = MUST(syscall(SYS_pidfd_open, pid, 0));
    say("cloexec %d", fcntl(fd, F_GETFD));
    struct pollfd p = { .fd = fd, .events = POLLIN };
    say("running: %d", poll(&p, 1, 0));
    open_gate(gate);
    say("ended: %d %#x", poll(&p, 1, -1), p.revents);
    int second = MUST(syscall(SYS_pidfd_open, pid, 0));
    p.fd = second;
    say("of a zombie: %d", poll(&p, 1, 0));
    reap(pid, "child");
    p.fd = fd;
    say("after the wait: %d, hangup %d", poll(&p, 1, 0), !!(p.revents & POLLHUP));
    TRYAS("signal", syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
    TRYAS("open again", syscall(SYS_pidfd_open, pid, 0));
    return 0;
}
