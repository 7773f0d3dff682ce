// A terminal with O_ASYNC tells of a line that can be read, its other end of output.
#include "guest.h"
#include <pty.h>
#include <termios.h>

static void expect(const char *what, int milliseconds)
{
    struct timespec limit = { milliseconds / 1000, milliseconds % 1000 * MS };
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 1);
    if (sigtimedwait(&set, &info, &limit) < 0)
        say("%s: nothing", what);
    else
        say("%s: code %d band %lx fd %d", what, info.si_code, (long)info.si_band, info.si_fd);
}

int main(void)
{
    int ends[2];
    struct termios termios;
    char buffer[100];
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    MUST(openpty(&ends[0], &ends[1], NULL, NULL, NULL));
    for (int i = 0; i < 2; i++) {
        MUST(dup2(ends[i], 20 + i));
        close(ends[i]);
        MUST(fcntl(20 + i, F_SETOWN, getpid()));
        MUST(fcntl(20 + i, F_SETSIG, SIGRTMIN + 1));
        MUST(fcntl(20 + i, F_SETFL, O_RDWR | O_ASYNC));
    }
    tcgetattr(21, &termios);
    termios.c_lflag &= ~ECHO;
    tcsetattr(21, TCSANOW, &termios);
    MUST(write(20, "ab", 2));
    expect("half a line", 50);
    MUST(write(20, "c\n", 2));
    expect("the rest of it", 9000);
    say("read %zd", read(21, buffer, sizeof buffer));
    expect("after the read", 50);
    MUST(write(21, "xyz", 3));
    expect("output", 9000);
    say("read %zd", read(20, buffer, sizeof buffer));
    return 0;
}
