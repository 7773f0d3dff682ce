// CLONE_PIDFD through clone: the descriptor is stored where parent_tid would be; poll and wait work on it.
#include "raw_clone.h"
int main(void)
{
    int fd = -1;
    long pid = raw_clone(CLONE_PIDFD | SIGCHLD, NULL, &fd, NULL, 0);
    if (pid == 0)
        _exit(8);
    say("fd %d, cloexec %d", fd >= 0, fcntl(fd, F_GETFD));
    struct pollfd p = { .fd = fd, .events = POLLIN };
    say("poll %d", poll(&p, 1, -1));
    siginfo_t info = { 0 };
    TRY(waitid(P_PIDFD, fd, &info, WEXITED));
    say("status %d, pid %d", info.si_status, info.si_pid == pid);
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    int f = open(path, O_RDONLY);
    ssize_t n = read(f, text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    char *line = strstr(text, "\nPid:");
    int number = 0;
    say("fdinfo after the wait: Pid -1 %d", line && sscanf(line, "\nPid: %d", &number) == 1 && number == -1);
    return 0;
}
