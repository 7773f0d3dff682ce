// Leases: who may take one, who breaks it, the signals, waiting and not waiting, giving up and being too slow.
// needs: root
#include "guest.h"
static volatile int signals, last_code, last_fd, last_signal;
static void on_break(int number, siginfo_t *info, void *context)
{
    (void)context;
    signals++, last_signal = number, last_code = info->si_code, last_fd = info->si_fd;
}
static const char *kind(int type)
{
    return type == F_RDLCK ? "read" : type == F_WRLCK ? "write" : type == F_UNLCK ? "none" : "?";
}
#define LEASE(fd) kind(fcntl(fd, F_GETLEASE))
int main(void)
{
    close(open("f", O_CREAT | O_RDWR, 0644));
    mkdir("d", 0755);
    on_siginfo(SIGIO, on_break, SA_RESTART), on_siginfo(SIGRTMIN, on_break, SA_RESTART);
    int rd = MUST(open("f", O_RDONLY)), wr, p[2], dir = MUST(open("d", O_RDONLY));
    MUST(pipe(p));
    say("at first %s", LEASE(rd));
    TRY(fcntl(rd, F_SETLEASE, 7));
    TRY(fcntl(rd, F_SETLEASE, F_UNLCK));
    TRY(fcntl(p[0], F_SETLEASE, F_RDLCK));
    TRY(fcntl(rd, F_SETLEASE, F_RDLCK));
    say("has %s, owner set %d", LEASE(rd), fcntl(rd, F_GETOWN) == getpid());
    TRY(fcntl(rd, F_SETLEASE, F_WRLCK));
    TRYAS("another opening", open("f", O_RDONLY | O_NONBLOCK));
    say("%d signal, now %s", signals, LEASE(rd));
    TRY(fcntl(rd, F_SETLEASE, F_RDLCK));
    signals = 0;
    int other = MUST(open("f", O_RDONLY));
    say("another reader: %d signals", signals);
    TRY(fcntl(rd, F_SETLEASE, F_WRLCK));
    TRY(fcntl(other, F_SETLEASE, F_RDLCK));
    TRY(fcntl(other, F_SETLEASE, F_UNLCK));
    TRYAS("a writer that does not wait", open("f", O_WRONLY | O_NONBLOCK));
    say("%d signal, %d, now %s", signals, last_signal == SIGIO, LEASE(rd));
    TRYAS("once more", open("f", O_RDWR | O_NONBLOCK));
    say("no second signal: %d", signals);
    int truncating = open("f", O_RDONLY | O_TRUNC | O_NONBLOCK);
    say("truncating open: %d", truncating != -1);
    close(truncating);
    TRY(fcntl(rd, F_SETLEASE, F_UNLCK));
    say("given up: %s", LEASE(rd));
    wr = MUST(open("f", O_WRONLY | O_NONBLOCK));
    TRYAS("with a writer", fcntl(rd, F_SETLEASE, F_RDLCK));
    TRYAS("write lease with others", fcntl(wr, F_SETLEASE, F_WRLCK));
    close(wr), close(other), close(rd);
    wr = MUST(open("f", O_RDWR));
    TRYAS("alone", fcntl(wr, F_SETLEASE, F_WRLCK));
    say("%s", LEASE(wr));
    TRYAS("a writer takes a read lease", fcntl(wr, F_SETLEASE, F_RDLCK));
    fcntl(wr, F_SETSIG, SIGRTMIN);
    signals = 0;
    TRYAS("a reader", open("f", O_RDONLY | O_NONBLOCK));
    say("%d, signal %d, code %d, descriptor %d, now %s", signals, last_signal == SIGRTMIN, last_code == POLL_MSG,
        last_fd == wr, LEASE(wr));
    TRYAS("then a writer", open("f", O_WRONLY | O_NONBLOCK));
    say("%d, now %s", signals, LEASE(wr));
    fcntl(wr, F_SETLEASE, F_UNLCK);
    close(wr);
    /* somebody waits until the holder reacts */
    rd = MUST(open("f", O_RDONLY));
    fcntl(rd, F_SETLEASE, F_WRLCK);
    fcntl(rd, F_SETSIG, SIGRTMIN);
    signals = 0;
    for (int how = 0; how < 3; how++) {
        pid_t pid = spawn();
        if (!pid) {
            close(rd);
            if (how == 2)
                _exit(truncate("f", 5) ? errno : 0);
            int fd = open("f", how ? O_WRONLY : O_RDONLY);
            _exit(fd == -1 ? errno : 0);
        }
        while (signals <= how)
            pause_ms(1);
        until_state(pid, 'S');
        say("told: %s", LEASE(rd));
        int result = fcntl(rd, F_SETLEASE, how ? F_UNLCK : F_RDLCK);
        say("reacts: %s", outcome(result));
        reap(pid, how == 2 ? "truncate" : how ? "writer" : "reader");
        say("has %s", LEASE(rd));
        fcntl(rd, F_SETLEASE, F_RDLCK);
    }
    /* an interrupted wait, and a holder that closes the file */
    pid_t pid = spawn();
    if (!pid) {
        close(rd);
        on_siginfo(SIGALRM, on_break, 0);
        ualarm(50000, 0);
        int fd = open("f", O_WRONLY);
        _exit(fd == -1 ? errno == EINTR ? 4 : 1 : 0);
    }
    reap(pid, "interrupted");
    pid = spawn();
    if (!pid) {
        close(rd);
        _exit(open("f", O_WRONLY) == -1);
    }
    until_state(pid, 'S');
    int copy = dup(rd);
    close(rd);
    pause_ms(20);
    say("a copy lives: %c", state_of(pid));
    close(copy);
    reap(pid, "closed");
    pid = spawn();
    if (!pid) {
        setuid(12345);
        rd = open("f", O_RDONLY);
        TRYAS("somebody else's file", fcntl(rd, F_SETLEASE, F_RDLCK));
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    (void)dir;
    return 0;
}
