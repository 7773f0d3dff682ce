// pidfds across PID namespaces: whom they show as, and what is refused for a process outside.
// needs: root linux-6.17
#include "pidns.h"
#include <sys/ioctl.h>
static void fdinfo(const char *what, int fd, pid_t outside)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    int file = MUST(open(path, O_RDONLY));
    ssize_t n = MUST(read(file, text, sizeof text - 1));
    close(file);
    text[n] = 0;
    char *line = strstr(text, "NSpid:");
    int first = 0, second = 0;
    int count = line ? sscanf(line, "NSpid: %d %d", &first, &second) : 0;
    say("%s: %d numbers, %s, %d", what, count, first == outside ? "right" : "wrong", second);
}
int main(void)
{
    siginfo_t info;
    char buffer[128] = { 0 };
    int outside = MUST(syscall(SYS_pidfd_open, getpid(), 0)), go[2], number[2];
    pid_t me = getpid(), pid;
    MUST(pipe(go));
    MUST(pipe(number));
    pid_t init = fork_newpid();
    if (init == 0) {
        MUST(read(number[0], &pid, sizeof pid));
        TRYAS("info of one outside", ioctl(outside, 0xC040FF0B, buffer));
        TRYAS("its user namespace", ioctl(outside, 0xFF09, 0));
        TRYAS("signal to it", syscall(SYS_pidfd_send_signal, outside, 0, NULL, 0));
        TRYAS("signal to its thread", syscall(SYS_pidfd_send_signal, outside, 0, NULL, 1));
        TRYAS("wrong flags", syscall(SYS_pidfd_send_signal, outside, 0, NULL, 77));
        TRYAS("wrong signal", syscall(SYS_pidfd_send_signal, outside, 99, NULL, 0));
        TRYAS("a descriptor of it", syscall(SYS_pidfd_getfd, outside, 0, 0));
        TRYAS("wait for it", waitid(P_PIDFD, outside, &info, WEXITED));
        fdinfo("one outside", outside, me);
        fdinfo("myself", MUST(syscall(SYS_pidfd_open, 1, 0)), pid);
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        int fd = MUST(syscall(SYS_pidfd_open, child, 0));
        TRYAS("wait for a child", waitid(P_PIDFD, fd, &info, WEXITED));
        say("its number %d", info.si_pid);
        tell(go);
        for (;;)
            pause();
    }
    MUST(write(number[1], &init, sizeof init));
    hear(go);
    int fd = MUST(syscall(SYS_pidfd_open, init, 0));
    fdinfo("from outside", fd, init);
    TRYAS("signal from outside", syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));
    TRYAS("wait from outside", waitid(P_PIDFD, fd, &info, WEXITED));
    say("its number outside %d", info.si_pid == init);
    fdinfo("reaped", fd, -1);
    return 0;
}
