// A connected pair of stream sockets: data, poll, shutdown, reset, SIGPIPE.
#include "guest.h"
#include <sys/ioctl.h>
#include <sys/socket.h>

static volatile int pipes;
static void handler(int number) { pipes += number == SIGPIPE; }

static int events(int fd)
{
    struct pollfd p = { fd, POLLIN | POLLOUT | POLLRDHUP, 0 };
    poll(&p, 1, 0);
    return p.revents;
}

int main(void)
{
    int s[2];
    char buffer[100];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    say("fresh %x", events(s[0]));
    say("write %zd", write(s[0], "hello", 5));
    int left;
    MUST(ioctl(s[1], FIONREAD, &left));
    say("waiting %d, poll %x", left, events(s[1]));
    ssize_t n = recv(s[1], buffer, 3, MSG_PEEK);
    say("peek %zd %.3s", n, buffer);
    n = read(s[1], buffer, 100);
    say("read %zd %.5s", n, buffer);
    TRY(recv(s[1], buffer, 1, MSG_DONTWAIT));
    TRY(lseek(s[0], 0, SEEK_SET));
    pid_t child = MUST(fork());
    if (!child) {
        usleep(20000);
        write(s[0], "late", 4);
        usleep(20000);
        write(s[0], "r", 1);
        _exit(0);
    }
    n = recv(s[1], buffer, 5, MSG_WAITALL);
    say("all %zd %.5s", n, buffer);
    MUST(waitpid(child, NULL, 0));
    MUST(shutdown(s[0], SHUT_WR));
    say("shut: here %x, there %x", events(s[0]), events(s[1]));
    say("end %zd", read(s[1], buffer, 1));
    on_signal(SIGPIPE, handler, 0);
    TRY(write(s[0], "x", 1));
    TRY(send(s[0], "x", 1, MSG_NOSIGNAL));
    say("signals %d", pipes);
    say("other way %zd", write(s[1], "back", 4));
    MUST(close(s[0]));
    say("closed with data: %x", events(s[1]));
    TRY(write(s[1], "x", 1));
    TRY(read(s[1], buffer, 1));
    say("then %zd, signals %d", read(s[1], buffer, 1), pipes);
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, s));
    YES(fcntl(s[0], F_GETFD) == FD_CLOEXEC);
    int total = 0, count = 0;
    while ((n = write(s[0], buffer, sizeof buffer)) > 0)
        total += n, count++;
    say("full after %d: %d, %s, poll %x", count, total, err(errno), events(s[0]));
    while ((n = read(s[1], buffer, sizeof buffer)) > 0)
        total -= n;
    say("drained %d, poll %x", total, events(s[0]));
    return 0;
}
