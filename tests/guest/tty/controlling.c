// How a session gets a controlling terminal, keeps it, shares it, loses it.
// needs: root
#include "tty.h"

static void say(const char *what, long result) { printf("%s: %s\n", what, result < 0 ? strerror(errno) : "fine"); }

// Whether /dev/tty can be opened, and is this terminal.
static void has(const char *what) {
    int fd = open("/dev/tty", O_RDWR | O_NONBLOCK), session = 0, group = 0;
    if (fd < 0) {
        printf("%s: no terminal (%s)\n", what, strerror(errno));
        return;
    }
    ioctl(fd, TIOCGSID, &session);
    ioctl(fd, TIOCGPGRP, &group);
    printf("%s: has one; its session is mine %d, its group is mine %d\n", what, session == getsid(0), group == getpgrp());
    close(fd);
}

static int in_child(void (*work)(void)) {
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        work();
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, &status, 0);
    return status;
}

static void by_opening(void) {
    has("before a session");
    setsid();
    has("a new session");
    int fd = open(slave_name(master), O_RDWR | O_NOCTTY);
    has("O_NOCTTY");
    close(fd);
    fd = open(slave_name(master), O_WRONLY);
    has("opened for writing only");
    close(fd);
    fd = open(slave_name(master), O_RDONLY);
    has("opened for reading");
    close(fd);
    has("closed again");
    int id = -1;
    say("TIOCGSID of the master", ioctl(master, TIOCGSID, &id));
    printf("is mine %d\n", id == getsid(0));
    say("TIOCSCTTY once more", ioctl(slave, TIOCSCTTY, 0));
    if (!fork()) {
        has("a child");
        say("TIOCSCTTY by no leader", ioctl(slave, TIOCSCTTY, 1));
        say("TIOCNOTTY by a child", ioctl(slave, TIOCNOTTY));
        has("the child");
        say("TIOCNOTTY twice", ioctl(slave, TIOCNOTTY));
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
    has("the parent");
    signal(SIGHUP, SIG_IGN);
    say("TIOCNOTTY by the leader", ioctl(slave, TIOCNOTTY));
    has("the leader");
    say("TIOCGSID", ioctl(master, TIOCGSID, &id));
    say("TIOCSCTTY", ioctl(slave, TIOCSCTTY, 0));
    has("and back");
}

static void sharing(void) {
    int ready[2], go[2];
    char byte;
    if (pipe(ready) || pipe(go))
        return;
    setsid();
    say("the first session", ioctl(slave, TIOCSCTTY, 0));
    fflush(stdout);
    pid_t thief = fork();
    if (!thief) {
        setsid();
        has("the other session");
        int fd = open(slave_name(master), O_RDWR);
        has("opened by it");
        close(fd);
        say("TIOCSCTTY", ioctl(slave, TIOCSCTTY, 0));
        say("TIOCSCTTY 2", ioctl(slave, TIOCSCTTY, 2));
        if (!fork()) {
            setsid();
            if (setresuid(65534, 65534, 65534))
                _exit(1);
            say("stolen by nobody", ioctl(slave, TIOCSCTTY, 1));
            fflush(stdout);
            _exit(0);
        }
        wait(NULL);
        say("stolen by root", ioctl(slave, TIOCSCTTY, 1));
        has("the thief");
        fflush(stdout);
        if (write(ready[1], "x", 1) != 1 || read(go[0], &byte, 1) != 1)
            _exit(1);
        _exit(0);
    }
    if (read(ready[0], &byte, 1) != 1)
        return;
    has("the first session");
    say("TIOCGPGRP", ioctl(slave, TIOCGPGRP, &byte));
    say("tcsetpgrp", tcsetpgrp(slave, getpgrp()));
    if (write(go[1], "x", 1) != 1)
        return;
    wait(NULL);
    say("free again", ioctl(slave, TIOCSCTTY, 0));
    has("the first session");
}

static void foreground(void) {
    setsid();
    signal(SIGTTOU, SIG_IGN);
    ioctl(slave, TIOCSCTTY, 0);
    int group = -1;
    say("TIOCGPGRP", ioctl(slave, TIOCGPGRP, &group));
    printf("mine %d\n", group == getpgrp());
    group = -5;
    say("negative", ioctl(slave, TIOCSPGRP, &group));
    group = 4194000;
    say("nobody's", ioctl(slave, TIOCSPGRP, &group));
    group = getppid();
    say("another session's", ioctl(slave, TIOCSPGRP, &group));
    say("no memory", ioctl(slave, TIOCSPGRP, (void *)8));
    say("of the master", ioctl(master, TIOCSPGRP, &group));
    pid_t child = fork();
    if (!child) {
        pause();
        _exit(0);
    }
    setpgid(child, child);
    say("a child's", tcsetpgrp(slave, child));
    printf("it is %d\n", tcgetpgrp(slave) == child);
    say("of the master", ioctl(master, TIOCGPGRP, &group));
    printf("it is %d\n", group == child);
    fflush(stdout);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    printf("the group is gone: it is %d\n", tcgetpgrp(slave) == child);
    say("my own again", tcsetpgrp(slave, getpgrp()));
    int other = open(slave_name(master), O_RDWR | O_NOCTTY);
    say("through another descriptor", tcgetpgrp(other) == getpgrp() ? 0 : -1);
    // a terminal of nobody's
    int far = open("/dev/ptmx", O_RDWR | O_NOCTTY), near;
    unlockpt(far);
    near = open(slave_name(far), O_RDWR | O_NOCTTY);
    say("tcgetpgrp of another terminal", tcgetpgrp(near));
    say("tcsetpgrp of another terminal", tcsetpgrp(near, getpgrp()));
    say("TIOCGSID of another terminal", ioctl(near, TIOCGSID, &group));
    say("TIOCSCTTY with another terminal", ioctl(near, TIOCSCTTY, 1));
    say("tcgetpgrp of its master", tcgetpgrp(far));
    say("TIOCSCTTY of a master", ioctl(far, TIOCSCTTY, 0));
}

static void dev_tty(void) {
    struct stat st;
    setsid();
    ioctl(slave, TIOCSCTTY, 0);
    int fd = open("/dev/tty", O_RDWR | O_NONBLOCK);
    fstat(fd, &st);
    printf("device %x, flags %o\n", (unsigned)st.st_rdev, fcntl(fd, F_GETFL) & ~0100000);
    if (write(fd, "hello\n", 6) < 0)
        return;
    fcntl(master, F_SETFL, O_NONBLOCK);
    drain("through /dev/tty", master);
    type("typed\n");
    read_once("and back", fd, 100);
    unsigned device = 0;
    ioctl(fd, 0x80045432, &device);
    printf("it is the slave: %d\n", device >> 8 == 136);
}

int main(void) {
    void (*works[])(void) = {by_opening, sharing, foreground, dev_tty};
    setvbuf(stdout, NULL, _IOLBF, 0);
    setsid();
    signal(SIGHUP, SIG_IGN);
    for (int i = 0; i < 4; i++) {
        open_pair(0);
        printf("--- %d\n", i);
        printf("status %x\n", in_child(works[i]));
        close_pair();
    }
    return 0;
}
