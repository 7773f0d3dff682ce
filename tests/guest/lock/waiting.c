// F_SETLKW waits for the lock; a signal ends it with EINTR; a circle of waiters is EDEADLK.
#include "guest.h"
static void handler(int number) { (void)number; }
static long lock(int fd, int command, int type, int start)
{
    struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = 1 };
    return fcntl(fd, command, &l);
}
int main(void)
{
    int fd = MUST(open("file", O_CREAT | O_RDWR, 0600));
    pid_t me = getpid();
    MUST(lock(fd, F_SETLK, F_WRLCK, 0));
    pid_t pid = spawn();
    if (pid == 0) {
        MUST(lock(fd, F_SETLKW, F_WRLCK, 0));
        say("child has it");
        _exit(0);
    }
    until_state(pid, 'S');
    say("parent lets go");
    MUST(lock(fd, F_SETLK, F_UNLCK, 0));
    reap(pid, "child");
    MUST(lock(fd, F_SETLK, F_WRLCK, 0));
    pid = spawn();
    if (pid == 0) {
        on_signal(SIGALRM, handler, 0);
        struct itimerval timer = { .it_value = { 0, 10000 } };
        setitimer(ITIMER_REAL, &timer, NULL);
        say("interrupted: %s", outcome(lock(fd, F_SETLKW, F_WRLCK, 0)));
        _exit(0);
    }
    reap(pid, "child");
    struct gate ready = new_gate();
    pid = spawn();
    if (pid == 0) {
        MUST(lock(fd, F_SETLK, F_WRLCK, 1));
        open_gate(ready);
        say("child: %s", outcome(lock(fd, F_SETLKW, F_WRLCK, 0)));
        _exit(0);
    }
    pass_gate(ready);
    until_state(pid, 'S');
    say("parent: %s", outcome(lock(fd, F_SETLKW, F_WRLCK, 1)));
    MUST(lock(fd, F_SETLK, F_UNLCK, 0));
    reap(pid, "child");
    (void)me;
    return 0;
}
