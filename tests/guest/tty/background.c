// A background process reads, writes and sets modes: SIGTTIN and SIGTTOU, and when they do not come.
// needs: root
#include "tty.h"

static void on_signal(int number) {
    const char *text = number == SIGTTIN ? "[SIGTTIN]" : number == SIGTTOU ? "[SIGTTOU]" : "[another]";
    if (write(1, text, strlen(text)) < 0)
        _exit(1);
}

static void catch(int number, void (*handler)(int), int flags) {
    struct sigaction act = {.sa_handler = handler, .sa_flags = flags};
    sigaction(number, &act, NULL);
}

static long act(int what) {
    char data[16];
    struct kernel_termios t;
    int group = getpgrp();
    switch (what) {
    case 0:
        return read(slave, data, sizeof data);
    case 1:
        return write(slave, "out", 3);
    case 2:
        ioctl(slave, K_TCGETS, &t);
        return ioctl(slave, K_TCSETS, &t);
    case 3:
        return ioctl(slave, TIOCSPGRP, &group);
    case 4:
        return tcflush(slave, TCIFLUSH);
    case 5:
        return ioctl(slave, TCSBRK, 1);
    case 6:
        return ioctl(slave, TIOCSWINSZ, &(struct winsize){20, 30, 0, 0});
    case 7:
        return ioctl(slave, TIOCSTI, "x");
    default:
        return tcflow(slave, TCOON);
    }
}

static const char *names[] = {"read", "write", "TCSETS", "TIOCSPGRP", "TCFLSH", "TCSBRK", "TIOCSWINSZ", "TIOCSTI", "TCXONC"};
enum { DEFAULT, IGNORED, BLOCKED, CAUGHT, RESTARTED, WAYS };
static const char *ways[] = {"by default", "ignored", "blocked", "caught", "caught and restarted"};

// Do it in a group in the background.
static void background(int what, int way) {
    printf("%s %s: ", names[what], ways[way]);
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        setpgid(0, 0);
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGTTIN);
        sigaddset(&set, SIGTTOU);
        if (way == BLOCKED)
            sigprocmask(SIG_BLOCK, &set, NULL);
        int flags = way == RESTARTED ? (int)(SA_RESTART | SA_RESETHAND) : 0;
        void (*handler)(int) = way == IGNORED ? SIG_IGN : way >= CAUGHT ? on_signal : SIG_DFL;
        catch(SIGTTIN, handler, flags);
        catch(SIGTTOU, handler, flags);
        long result = act(what);
        printf("%ld %s", result, result < 0 ? strerror(errno) : "");
        fflush(stdout);
        _exit(0);
    }
    setpgid(child, child);
    int status;
    waitpid(child, &status, WUNTRACED);
    if (WIFSTOPPED(status)) {
        printf("stopped by %s", strsignal(WSTOPSIG(status)));
        kill(-child, SIGKILL);
        waitpid(child, &status, 0);
    }
    tcsetpgrp(slave, getpgrp());
    tcflush(slave, TCIFLUSH);
    type("keys\n");
    puts("");
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGHUP, SIG_IGN);
    open_pair(0);
    fflush(stdout);
    if (fork()) {
        wait(NULL);
        return 0;
    }
    setsid();
    ioctl(slave, TIOCSCTTY, 0);
    signal(SIGTTOU, SIG_IGN);
    modes(ICRNL, OPOST, ICANON | ISIG | TOSTOP);
    type("keys\n");
    for (int what = 0; what < 9; what++)
        for (int way = 0; way < WAYS; way++)
            background(what, way);
    modes(ICRNL, OPOST, ICANON | ISIG);
    background(1, DEFAULT);
    return 0;
}
