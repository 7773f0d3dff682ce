// /proc/PID/fdinfo: what each kind of file adds to pos, flags, mnt_id and ino.
#include "guest.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

/* Numbers that differ from run to run: PIDs, inodes, devices. */
static void show(const char *what, int fd)
{
    char path[64], text[2048];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    int info = MUST(open(path, O_RDONLY));
    ssize_t n = read(info, text, sizeof text - 1);
    text[n] = 0;
    close(info);
    say("--- %s", what);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char *colon = strchr(line, ':');
        int key = colon - line;
        if (!strncmp(line, "mnt_id", key) || !strncmp(line, "ino", key) || !strncmp(line, "eventfd-id", key))
            say("%.*s: a number: %d", key, line, atol(colon + 1) >= 0);
        else if (!strncmp(line, "lock", key)) {
            char *pid = strstr(line, "READ") ? strstr(line, "READ") + 5 : strstr(line, "WRITE") + 6;
            char *end = strrchr(line, ':');
            say("%.*s mine: %d ...%s", (int)(pid - line), line, atoi(pid) == getpid(), strchr(end, ' '));
        } else if (!strncmp(line, "Pid", 3) || !strncmp(line, "NSpid", 5))
            say("%.*s: positive: %d", key, line, atol(colon + 1) > 0);
        else if (!strncmp(line, "tfd", 3))
            say("%.*s...", (int)(strstr(line, " pos") - line), line);
        else if (!strncmp(line, "inotify", 7))
            say("inotify wd:1 %d ...%.8s", !strncmp(line, "inotify wd:1 ", 13), strstr(line, "mask:"));
        else if (!strncmp(line, "it_value", key) || !strncmp(line, "it_interval", key))
            say("%.*s: %s", key, line, strstr(line, "(0, 0)") ? "0" : "some time");
        else
            say("%s", line);
    }
}

int main(void)
{
    int fd = MUST(open("file", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    write(fd, "12345", 5);
    show("file", fd);
    flock(fd, LOCK_SH);
    struct flock lock = {.l_type = F_WRLCK, .l_start = 2, .l_len = 3};
    fcntl(fd, F_SETLK, &lock);
    show("file with locks", fd);
    show("directory", MUST(open(".", O_RDONLY | O_DIRECTORY)));
    show("path", MUST(open(".", O_PATH)));
    int p[2];
    pipe2(p, O_NONBLOCK);
    show("pipe", p[0]);
    int event = eventfd(7, EFD_SEMAPHORE);
    show("eventfd", event);
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec when = {{5, 0}, {1000, 0}};
    timerfd_settime(timer, 0, &when, NULL);
    show("timerfd", timer);
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigaddset(&mask, SIGTERM);
    show("signalfd", signalfd(-1, &mask, 0));
    int epoll = epoll_create1(0);
    struct epoll_event watch = {EPOLLIN | EPOLLET, {.u64 = 0x1234}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, p[0], &watch);
    show("epoll", epoll);
    show("pidfd", syscall(SYS_pidfd_open, getpid(), 0));
    int notify = inotify_init1(0);
    inotify_add_watch(notify, ".", IN_CREATE);
    show("inotify", notify);
    show("memfd", memfd_create("x", MFD_CLOEXEC));
    say("none: %s", open("/proc/self/fdinfo/999", O_RDONLY) < 0 ? err(errno) : "opened");
    unlink("file");
    return 0;
}
