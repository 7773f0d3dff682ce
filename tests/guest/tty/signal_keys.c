// ^C, ^\ and ^Z: who gets the signal, what is thrown away, and the same from the master by TIOCSIG.
// needs: root
#include "tty.h"

static int lines[2];

static void on_signal(int number) {
    char line[64];
    int count = snprintf(line, sizeof line, "%s", strsignal(number));
    if (write(lines[1], line, count + 1) != count + 1)
        _exit(1);
}

static void expect(const char *what) {
    char line[64] = {0};
    struct pollfd p = {lines[0], POLLIN, 0};
    if (poll(&p, 1, 0) > 0 && read(lines[0], line, sizeof line) > 0)
        printf("%s: %s\n", what, line);
    else
        printf("%s: no signal\n", what);
}

static void press(const char *what, const char *keys) {
    for (; *keys; keys++) {
        type_n(keys, 1);
        if (keys[1])
            drain("  screen", master); // what is under way would be lost to ^C, or not
    }
    expect(what);
    drain("  screen", master);
    drain("  input", slave);
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    fflush(stdout);
    if (fork()) {
        wait(NULL);
        return 0;
    }
    if (pipe(lines))
        return 1;
    setsid();
    open_pair(O_NONBLOCK);
    ioctl(slave, TIOCSCTTY, 0);
    int keys[] = {SIGINT, SIGQUIT, SIGTSTP, SIGWINCH, SIGTTOU};
    for (int i = 0; i < 5; i++)
        signal(keys[i], on_signal);
    modes(ICRNL | IXON, OPOST | ONLCR, ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ISIG | IEXTEN);
    press("^C", "line\nhalf\003");
    press("^\\", "line\nhalf\034");
    press("^Z", "line\nhalf\032");
    press("after ^V", "\026\003\n");
    modes(ICRNL | IXON, OPOST | ONLCR, ICANON | ECHO | ECHOCTL | ISIG | NOFLSH);
    press("^C, NOFLSH", "line\nhalf\003\n");
    modes(ICRNL | IXON, OPOST | ONLCR, ICANON | ECHO | ISIG);
    press("^C, no ECHOCTL", "x\003");
    modes(ICRNL | IXON, OPOST | ONLCR, ICANON | ISIG);
    press("^C, no ECHO", "x\003");
    modes(ICRNL | IXON, OPOST | ONLCR, ICANON | ECHO);
    press("^C, no ISIG", "x\003\n");
    modes(ICRNL | IXON, OPOST | ONLCR, ECHO | ISIG);
    press("^C, raw", "x\003y");
    key(VINTR, 'k');
    press("k", "xky");
    key(VINTR, 0);
    press("NUL", "x");
    int number = SIGINT;
    for (; number < 32; number++) {
        int result = ioctl(master, 0x40045436, number);
        if (!result || number == SIGHUP) {
            printf("TIOCSIG %d: %s\n", number, result ? strerror(errno) : "fine");
            expect("from the master");
        }
    }
    printf("TIOCSIG of the slave: %s\n", ioctl(slave, 0x40045436, SIGINT) ? strerror(errno) : "fine");
    struct winsize size = {24, 80, 1, 2}, got;
    ioctl(slave, TIOCSWINSZ, &size);
    expect("a size");
    ioctl(master, TIOCGWINSZ, &got);
    printf("%d %d %d %d\n", got.ws_row, got.ws_col, got.ws_xpixel, got.ws_ypixel);
    ioctl(slave, TIOCSWINSZ, &size);
    expect("the same size");
    size.ws_ypixel = 3;
    ioctl(master, TIOCSWINSZ, &size);
    expect("from the master");
    // a background group hears nothing
    pid_t child = fork();
    if (!child) {
        setpgid(0, 0);
        signal(SIGINT, SIG_DFL);
        pause();
    }
    setpgid(child, child);
    usleep(50000); // until it has its own way with SIGINT
    signal(SIGTTOU, SIG_IGN);
    modes(ICRNL, OPOST, ICANON | ISIG);
    key(VINTR, 3);
    tcsetpgrp(slave, child);
    type("\003");
    int status;
    waitpid(child, &status, 0);
    printf("the foreground child: %s\n", strsignal(WTERMSIG(status)));
    expect("the background shell");
    type("\003");
    expect("nobody is there");
    return 0;
}
