// needs: root linux-6.18
// Where in the kernel a task sleeps: wchan (without what a compiler makes of the name), the stack's ends, the call.
#include "guest.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <linux/futex.h>
#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

static char buf[1 << 17];

static char *slurp(pid_t pid, const char *name)
{
    static char text[4096];
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    close(fd);
    return text;
}

static void settle(pid_t pid, char wanted)
{
    for (int stable = 0; stable < 3;) {
        char *state = strrchr(slurp(pid, "stat"), ')');
        stable = state && state[2] == wanted ? stable + 1 : 0;
        nanosleep(&(struct timespec){0, 5 * MS}, NULL);
    }
}

static void show(const char *what, pid_t pid, char state)
{
    settle(pid, state);
    char line[2048];
    int n = snprintf(line, sizeof line, "%s:", what);
    char *wchan = slurp(pid, "wchan");
    n += snprintf(line + n, sizeof line - n, " %.*s |", (int)strcspn(wchan, "."), wchan);
    char *first = NULL, *last = NULL;
    int same = 0;
    for (char *at = strtok(slurp(pid, "stack"), "\n"); at; at = strtok(NULL, "\n")) {
        at += strlen("[<0>] ");
        at[strcspn(at, "+.")] = 0;
        if (!first)
            same = strncmp(line + n - strlen(at) - 2, at, strlen(at)) == 0, first = at;
        last = at;
    }
    n += snprintf(line + n, sizeof line - n, " on top of the stack: %d, which ends with %s |", same, last);
    long call = -2, args[3] = {0};
    sscanf(slurp(pid, "syscall"), "%ld 0x%lx 0x%lx 0x%lx", &call, &args[0], &args[1], &args[2]);
    say("%s | call %ld", line, state == 'T' ? 0 : call);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

#define SLEEP(what, ...)                                                                                              \
    {                                                                                                                  \
        pid_t pid = fork();                                                                                            \
        if (!pid) {                                                                                                    \
            prctl(PR_SET_PDEATHSIG, SIGKILL);                                                                          \
            __VA_ARGS__;                                                                                               \
            _exit(0);                                                                                                  \
        }                                                                                                              \
        show(what, pid, 'S');                                                                                          \
    }

int main(void)
{
    int p[2];
    SLEEP("pause", syscall(SYS_pause))
    SLEEP("nanosleep", struct timespec t = {1000, 0}; syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &t, NULL))
    pipe(p);
    SLEEP("pipe read", read(p[0], buf, 1))
    SLEEP("pipe write", for (;;) write(p[1], buf, 65536))
    mkfifo("fifo", 0600);
    SLEEP("fifo open", syscall(SYS_openat, AT_FDCWD, "fifo", O_RDONLY))
    int fifo = open("fifo", O_RDWR);
    SLEEP("fifo read", read(fifo, buf, 1))
    SLEEP("poll", struct pollfd q = {fifo, POLLIN, 0}; syscall(SYS_poll, &q, 1, -1))
    SLEEP("ppoll", struct pollfd q = {fifo, POLLIN, 0}; syscall(SYS_ppoll, &q, 1, NULL, NULL, 8))
    SLEEP("pselect", syscall(SYS_pselect6, 0, NULL, NULL, NULL, NULL, NULL))
    SLEEP("epoll", int e = epoll_create1(0); struct epoll_event v; syscall(SYS_epoll_wait, e, &v, 1, -1))
    SLEEP("eventfd read", read(eventfd(0, 0), buf, 8))
    SLEEP("timerfd read", read(timerfd_create(CLOCK_MONOTONIC, 0), buf, 8))
    SLEEP("signalfd read", sigset_t m; sigemptyset(&m); sigaddset(&m, SIGUSR1); sigprocmask(SIG_BLOCK, &m, NULL);
          read(signalfd(-1, &m, 0), buf, 128))
    SLEEP("wait4", if (!fork()) { prctl(PR_SET_PDEATHSIG, SIGKILL); pause(); } waitpid(-1, NULL, 0))
    SLEEP("waitid", if (!fork()) { prctl(PR_SET_PDEATHSIG, SIGKILL); pause(); } siginfo_t i; waitid(P_ALL, 0, &i, WEXITED))
    SLEEP("sigsuspend", sigset_t m; sigemptyset(&m); sigsuspend(&m))
    SLEEP("sigtimedwait", sigset_t m; sigemptyset(&m); sigaddset(&m, SIGUSR1); sigprocmask(SIG_BLOCK, &m, NULL);
          sigwaitinfo(&m, NULL))
    SLEEP("futex", int x = 0; syscall(SYS_futex, &x, FUTEX_WAIT, 0, NULL, NULL, 0))
    SLEEP("inotify read", read(inotify_init1(0), buf, 1000))
    int s[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    SLEEP("unix stream read", read(s[0], buf, 1))
    SLEEP("unix stream recv", syscall(SYS_recvfrom, s[0], buf, 1, 0, NULL, NULL))
    SLEEP("unix stream write", for (;;) write(s[0], buf, 65536))
    socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
    SLEEP("unix dgram recv", syscall(SYS_recvfrom, s[0], buf, 1, 0, NULL, NULL))
    int u = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un name = {AF_UNIX, "socket"};
    bind(u, (void *)&name, sizeof name);
    listen(u, 1);
    SLEEP("unix accept", syscall(SYS_accept, u, NULL, NULL))
    int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof in;
    bind(l, (void *)&in, length);
    listen(l, 5);
    SLEEP("tcp accept", syscall(SYS_accept, l, NULL, NULL))
    getsockname(l, (void *)&in, &length);
    connect(c, (void *)&in, length);
    SLEEP("tcp recv", syscall(SYS_recvfrom, c, buf, 1, 0, NULL, NULL))
    SLEEP("udp recv", syscall(SYS_recvfrom, socket(AF_INET, SOCK_DGRAM, 0), buf, 1, 0, NULL, NULL))
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY), zero = 0;
    ioctl(master, TIOCSPTLCK, &zero);
    int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    SLEEP("terminal read", read(slave, buf, 1))
    int f = open("locked", O_RDWR | O_CREAT, 0600);
    struct flock lock = {.l_type = F_WRLCK};
    flock(f, LOCK_EX);
    fcntl(f, F_SETLK, &lock);
    SLEEP("flock", flock(open("locked", O_RDWR), LOCK_EX))
    SLEEP("fcntl", fcntl(open("locked", O_RDWR), F_SETLKW, &lock))
    int sem = semget(IPC_PRIVATE, 1, 0600), queue = msgget(IPC_PRIVATE, 0600);
    SLEEP("semop", struct sembuf o = {0, -1, 0}; syscall(SYS_semop, sem, &o, 1))
    SLEEP("msgrcv", msgrcv(queue, buf, 10, 0, 0))
    semctl(sem, 0, IPC_RMID);
    msgctl(queue, IPC_RMID, NULL);
    pid_t pid = fork();
    if (!pid) {
        raise(SIGSTOP);
        _exit(0);
    }
    settle(pid, 'T');
    char *wchan = slurp(pid, "wchan");
    say("stopped: %.*s", (int)strcspn(wchan, "."), wchan);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    if (!(pid = fork()))
        _exit(0);
    settle(pid, 'Z');
    say("zombie: %s", slurp(pid, "wchan"));
    say("zombie syscall: %s", strtok(slurp(pid, "syscall"), "\n"));
    waitpid(pid, NULL, 0);
    if (!(pid = fork()))
        for (;;)
            ;
    settle(pid, 'R');
    say("running: %s", slurp(pid, "wchan"));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return 0;
}
