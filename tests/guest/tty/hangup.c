// The end of a session and the loss of a terminal: who gets SIGHUP and SIGCONT, and what the descriptors are good for.
// needs: root
#include "tty.h"

#ifndef TIOCVHANGUP
#define TIOCVHANGUP 0x5437
#endif

static int report[2]; // lines of the processes looked at

static volatile sig_atomic_t got_hup, got_cont;
static void on_signal(int number) {
    if (number == SIGHUP)
        got_hup = 1;
    else
        got_cont = 1;
}

static void say(const char *what) {
    char line[200];
    int count = snprintf(line, sizeof line, "%s\n", what);
    if (write(report[1], line, count) != count)
        _exit(1);
}

static int has_tty(void) {
    int fd = open("/dev/tty", O_RDWR | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void catch(void) {
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGHUP, &act, NULL);
    sigaction(SIGCONT, &act, NULL);
}

// Wait until one of the signals came, with both blocked before; then tell.
static void wait_and_tell(const char *who) {
    char line[160];
    sigset_t none;
    sigemptyset(&none);
    while (!got_hup)
        sigsuspend(&none);
    snprintf(line, sizeof line, "%s: SIGHUP %d, SIGCONT %d, terminal %d", who, got_hup, got_cont, has_tty());
    say(line);
}

static void block(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCONT);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

enum { EXIT, NOTTY, CLOSE, VHANGUP, IOCTL_VHANGUP, KILLED };
static const char *ends[] = {"the leader exits", "TIOCNOTTY", "the master is closed", "vhangup", "TIOCVHANGUP", "the leader is killed"};

// A session: leader L, group F in the foreground with F, group B in the background; `how` it ends.
static void session(int how) {
    int ready[2], go[2];
    char byte;
    printf("--- %s\n", ends[how]);
    fflush(stdout);
    open_pair(0);
    if (pipe(report) || pipe(ready) || pipe(go))
        return;
    pid_t leader = fork();
    if (!leader) {
        block();
        catch();
        setsid();
        ioctl(slave, TIOCSCTTY, 0);
        signal(SIGTTOU, SIG_IGN);
        close(master);
        pid_t members[2];
        for (int i = 0; i < 2; i++) {
            members[i] = fork();
            if (!members[i]) {
                setpgid(0, 0);
                close(ready[0]);
                close(go[1]);
                if (i == 0) {
                    if (write(ready[1], "x", 1) != 1)
                        _exit(1);
                    wait_and_tell("foreground");
                    char data[10];
                    fcntl(slave, F_SETFL, O_NONBLOCK);
                    long count = read(slave, data, sizeof data);
                    say(count < 0 ? strerror(errno) : count ? "some" : "its read: end of file");
                    say(write(slave, "x", 1) < 0 ? strerror(errno) : "its write: fine");
                    say("foreground is done");
                } else {
                    if (write(ready[1], "x", 1) != 1 || read(go[0], &byte, 1) != 1)
                        _exit(1);
                    sigset_t pending;
                    sigpending(&pending);
                    char line[100];
                    snprintf(line, sizeof line, "background: SIGHUP %d, SIGCONT %d, terminal %d", sigismember(&pending, SIGHUP),
                             sigismember(&pending, SIGCONT), has_tty());
                    say(line);
                }
                _exit(0);
            }
            setpgid(members[i], members[i]);
        }
        tcsetpgrp(slave, members[0]);
        for (int i = 0; i < 2; i++)
            if (read(ready[0], &byte, 1) != 1)
                _exit(1);
        if (how == NOTTY) {
            if (ioctl(slave, TIOCNOTTY))
                say("TIOCNOTTY failed");
        } else if (how == VHANGUP) {
            if (syscall(153))
                say("vhangup failed");
        } else if (how == IOCTL_VHANGUP) {
            if (ioctl(slave, TIOCVHANGUP))
                say("TIOCVHANGUP failed");
        }
        if (how == CLOSE || how == KILLED || how == EXIT)
            say("ready");
        if (how == EXIT)
            _exit(0);
        if (how == KILLED)
            for (;;)
                pause();
        if (how != NOTTY)
            wait_and_tell("leader");
        if (how == CLOSE || how == VHANGUP || how == IOCTL_VHANGUP)
            kill(members[0], SIGHUP); // nobody else tells it
        waitpid(members[0], NULL, 0);
        if (how == NOTTY)
            say(has_tty() ? "leader: has a terminal" : "leader: no terminal");
        if (write(go[1], "x", 1) != 1)
            _exit(1);
        waitpid(members[1], NULL, 0);
        _exit(0);
    }
    if (how != CLOSE)
        close(slave);
    close(ready[1]);
    if (how == CLOSE || how == KILLED || how == EXIT) {
        char word[6];
        if (read(report[0], word, 6) != 6) // "ready\n"
            return;
        if (how == CLOSE)
            close(master);
        if (how == KILLED)
            kill(leader, SIGKILL);
    }
    waitpid(leader, NULL, 0);
    close(report[1]);
    static char text[2000];
    long total = 0, count;
    if (how == EXIT || how == KILLED) { // the members are orphans: first the one in the foreground, then the other
        while (!strstr(text, "is done\n") && (count = read(report[0], text + total, 1)) > 0)
            total += count;
        if (write(go[1], "x", 1) != 1)
            return;
    }
    while ((count = read(report[0], text + total, sizeof text - 1 - total)) > 0)
        total += count;
    printf("%s", text);
    memset(text, 0, sizeof text);
    if (how == CLOSE) {
        printf("the slave elsewhere: %s\n", write(slave, "x", 1) < 0 ? strerror(errno) : "fine");
        close(slave);
    } else {
        slave = open(slave_name(master), O_RDWR | O_NOCTTY);
        printf("opened again: %s\n", slave < 0 ? strerror(errno) : "fine");
        printf("it works: %d\n", write(slave, "x", 1) == 1);
        close_pair();
    }
    close(report[0]);
    close(ready[0]);
    close(go[0]);
    close(go[1]);
}

int main(void) {
    for (int how = EXIT; how <= KILLED; how++)
        session(how);
    return 0;
}
