// Which calls go on after a handler with SA_RESTART, and which end with EINTR whatever the flag.
#include "guest.h"
#include <sys/epoll.h>
static volatile sig_atomic_t count;
static void handler(int number) { (void)number; count++; }
static int fd[2];
static struct gate gate;
static void interrupt_and_write(pid_t target)
{
    until_state(target, 'S');
    kill(target, SIGUSR1);
    pause_ms(10);
    until_state(target, 'S');
    write(fd[1], "x", 1);
    _exit(0);
}
static const char *attempt(int kind)
{
    char c;
    struct pollfd p = { .fd = fd[0], .events = POLLIN };
    struct timespec t = { 10, 0 };
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd[0], &set);
    sigset_t none = SIGSET(SIGHUP);
    int epoll;
    struct epoll_event event = { .events = EPOLLIN };
    switch (kind) {
    case 0: return outcome(read(fd[0], &c, 1));
    case 1: return outcome(poll(&p, 1, -1));
    case 2: return outcome(select(fd[0] + 1, &set, NULL, NULL, NULL));
    case 3: return outcome(pause());
    case 4: return outcome(nanosleep(&t, NULL));
    case 5: return outcome(syscall(SYS_rt_sigtimedwait, &none, NULL, &t, 8)); // the library's tries again
    case 6: return err(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL));
    case 7:
        epoll = epoll_create1(0);
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd[0], &event);
        return outcome(epoll_wait(epoll, &event, 1, -1));
    case 8: return outcome(waitpid(-1, NULL, 0));
    }
    return "?";
}
int main(void)
{
    const char *names[] = { "read", "poll", "select", "pause", "nanosleep", "sigtimedwait", "clock_nanosleep",
                            "epoll_wait", "wait" };
    gate = new_gate();
    for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART)
        for (int kind = 0; kind < NELEM(names); kind++) {
            MUST(pipe(fd));
            on_signal(SIGUSR1, handler, flags);
            pid_t me = getpid();
            pid_t pid = spawn();
            if (pid == 0)
                interrupt_and_write(me);
            say("%s %s: %s", names[kind], flags ? "SA_RESTART" : "plain", attempt(kind));
            waitpid(pid, NULL, 0);
            close(fd[0]), close(fd[1]);
        }
    say("handlers %d", (int)count);
    return 0;
}
