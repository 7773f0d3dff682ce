// One end of a pair is closed: what the other one sees, and how it goes on.
#include "tty.h"

static void look(const char *what, int fd) {
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0};
    poll(&p, 1, 0);
    printf("%s: poll %x\n", what, p.revents);
}

static void attempt(const char *what, long result) { printf("%s: %s\n", what, result < 0 ? strerror(errno) : result ? "some" : "0"); }

static void everything(const char *what, int fd) {
    char data[64];
    struct stat st;
    int value;
    look(what, fd);
    attempt("read", read(fd, data, sizeof data));
    attempt("write", write(fd, "x", 1));
    attempt("TCGETS", ioctl(fd, K_TCGETS, data));
    attempt("TIOCGWINSZ", ioctl(fd, TIOCGWINSZ, data));
    attempt("FIONREAD", ioctl(fd, FIONREAD, &value));
    attempt("TIOCGPTN", ioctl(fd, TIOCGPTN, &value));
    attempt("TIOCSPGRP", ioctl(fd, TIOCSPGRP, &value));
    attempt("TIOCGSID", ioctl(fd, TIOCGSID, &value));
    attempt("tcflush", tcflush(fd, TCIOFLUSH));
    printf("isatty %d, links %d\n", isatty(fd), fstat(fd, &st) ? -1 : (int)st.st_nlink);
}

static void slave_closes(void) {
    open_pair(O_NONBLOCK);
    look("fresh master", master);
    look("fresh slave", slave);
    char name[32];
    strcpy(name, slave_name(master));
    if (write(slave, "last words", 10) != 10)
        puts("not written");
    close(slave);
    look("master, slave closed", master);
    read_once("what was left", master, 100);
    everything("master, read empty", master);
    slave = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK);
    look("slave again", slave);
    look("master again", master);
    if (write(slave, "hello", 5) != 5)
        puts("not written");
    drain("it works", master);
    int second = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK);
    close(slave);
    look("one of two closed", master);
    close(second);
    look("both closed", master);
    close(master);
    printf("the name: %s\n", access(name, F_OK) ? strerror(errno) : "is there");
}

static void master_closes(void) {
    open_pair(O_NONBLOCK);
    char name[32];
    strcpy(name, slave_name(master));
    if (write(master, "typed\n", 6) != 6)
        puts("not written");
    int copy = dup(master);
    close(master);
    look("a copy is left", slave);
    close(copy);
    everything("slave, master closed", slave);
    printf("opened again: %s\n", open(name, O_RDWR) < 0 ? strerror(errno) : "fine");
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", slave);
    printf("through /proc: %s\n", open(path, O_RDWR) < 0 ? strerror(errno) : "fine");
    close(slave);
}

static void sleepers(int of_slave) {
    int pipes[2];
    open_pair(0);
    if (pipe(pipes))
        return;
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        char data[10];
        close(of_slave ? master : slave);
        long count = read(of_slave ? slave : master, data, sizeof data);
        printf("the sleeping reader: %ld %s\n", count, count < 0 ? strerror(errno) : "");
        fflush(stdout);
        _exit(0);
    }
    usleep(50000); // it sleeps; if it does not yet, it finds the same
    close(of_slave ? master : slave);
    waitpid(child, NULL, 0);
    close(of_slave ? slave : master);
    close(pipes[0]);
    close(pipes[1]);
}

static void locked(void) {
    int on = 1, fd = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    master = fd;
    printf("locked: %s\n", open(slave_name(fd), O_RDWR | O_NOCTTY) < 0 ? strerror(errno) : "fine");
    printf("unlocked: %d", unlockpt(fd));
    int a = open(slave_name(fd), O_RDWR | O_NOCTTY);
    printf(" %d", a >= 0);
    ioctl(fd, TIOCSPTLCK, &on);
    printf(", locked again: %s\n", open(slave_name(fd), O_RDWR | O_NOCTTY) < 0 ? strerror(errno) : "fine");
    printf("grantpt %d\n", grantpt(fd));
    close(a);
    close(fd);
}

int main(void) {
    signal(SIGHUP, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    slave_closes();
    master_closes();
    sleepers(1);
    sleepers(0);
    locked();
    return 0;
}
