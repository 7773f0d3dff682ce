// Who sleeps on an AF_UNIX socket, and what wakes it: full queues and buffers, time limits, signals, ends.
#include "guest.h"
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un named(const char *path)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    strcpy(un.sun_path, path);
    return un;
}

static void nothing(int number) { (void)number; }

static void settle(void) { usleep(30000); } /* until the others sleep */

static void limit(int s, int option, long usec)
{
    struct timeval tv = { usec / 1000000, usec % 1000000 };
    MUST(setsockopt(s, SOL_SOCKET, option, &tv, sizeof tv));
}

static void interrupt_after(long usec, int flags)
{
    struct sigaction sa = { .sa_handler = nothing, .sa_flags = flags };
    struct itimerval it = { .it_value = { 0, usec } };
    sigaction(SIGALRM, &sa, NULL);
    setitimer(ITIMER_REAL, &it, NULL);
}

/* Datagrams to a socket whose queue is full: the sender sleeps until one is read. */
static void full_queue(int connected)
{
    struct sockaddr_un un = named(connected ? "full1" : "full0");
    int r = MUST(socket(AF_UNIX, SOCK_DGRAM, 0)), s = MUST(socket(AF_UNIX, SOCK_DGRAM, 0)), count = 0;
    char c;
    MUST(bind(r, (struct sockaddr *)&un, sizeof un));
    if (connected)
        MUST(connect(s, (struct sockaddr *)&un, sizeof un));
    while (sendto(s, "x", 1, MSG_DONTWAIT, connected ? NULL : (struct sockaddr *)&un, connected ? 0 : sizeof un) == 1)
        count++;
    struct pollfd p = { s, POLLOUT, 0 };
    say("connected %d: %d fit, then %s, writable %d", connected, count, err(errno), poll(&p, 1, 0));
    limit(s, SO_SNDTIMEO, 20000);
    TRYAS("with a time limit", sendto(s, "x", 1, 0, connected ? NULL : (struct sockaddr *)&un, connected ? 0 : sizeof un));
    limit(s, SO_SNDTIMEO, 0);
    pid_t child = MUST(fork());
    if (!child) {
        if (connected)
            say("poll says %d", poll(&p, 1, 10000));
        TRYAS("the sleeper", sendto(s, "y", 1, 0, connected ? NULL : (struct sockaddr *)&un, connected ? 0 : sizeof un));
        _exit(0);
    }
    settle();
    MUST(recv(r, &c, 1, 0));
    MUST(waitpid(child, NULL, 0));
    child = MUST(fork());
    if (!child) {
        close(r);
        long n = sendto(s, "y", 1, 0, connected ? NULL : (struct sockaddr *)&un, connected ? 0 : sizeof un);
        say("the receiver went: %s", n < 0 && errno == ECONNREFUSED ? "ECONNREFUSED" : outcome(n));
        _exit(0);
    }
    settle();
    close(r);
    MUST(waitpid(child, NULL, 0));
    close(s);
}

/* Connecting to a listener whose queue is full. */
static void backlog(int kind)
{
    struct sockaddr_un un = named(kind == SOCK_STREAM ? "backlog1" : "backlog5");
    int l = MUST(socket(AF_UNIX, kind, 0)), c, count = 0;
    MUST(bind(l, (struct sockaddr *)&un, sizeof un));
    MUST(listen(l, 2));
    for (;;) {
        c = MUST(socket(AF_UNIX, kind | SOCK_NONBLOCK, 0));
        if (connect(c, (struct sockaddr *)&un, sizeof un))
            break;
        count++;
    }
    say("%d connections in the queue, then %s", count, err(errno));
    fcntl(c, F_SETFL, 0);
    limit(c, SO_SNDTIMEO, 20000);
    TRYAS("with a time limit", connect(c, (struct sockaddr *)&un, sizeof un));
    limit(c, SO_SNDTIMEO, 0);
    interrupt_after(20000, 0);
    TRYAS("interrupted", connect(c, (struct sockaddr *)&un, sizeof un));
    pid_t child = MUST(fork());
    if (!child) {
        close(l);
        TRYAS("the sleeper", connect(c, (struct sockaddr *)&un, sizeof un));
        _exit(0);
    }
    settle();
    close(MUST(accept(l, NULL, NULL)));
    MUST(waitpid(child, NULL, 0));
    close(c);
    c = MUST(socket(AF_UNIX, kind, 0));
    child = MUST(fork());
    if (!child) {
        close(l);
        int result = connect(c, (struct sockaddr *)&un, sizeof un);
        say("the listener went: %s", result < 0 && errno == ECONNREFUSED ? "ECONNREFUSED" : outcome(result));
        _exit(0);
    }
    settle();
    close(l);
    MUST(waitpid(child, NULL, 0));
    close(c);
}

/* A stream whose sender's buffer is full. */
static void full_buffer(void)
{
    static char block[100000];
    int s[2], small = 5000;
    long total = 0, n;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    MUST(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small));
    while ((n = send(s[0], block, 700, MSG_DONTWAIT)) > 0)
        total += n;
    say("%ld bytes, then %s", total, err(errno));
    limit(s[0], SO_SNDTIMEO, 20000);
    TRYAS("with a time limit", send(s[0], "x", 1, 0));
    limit(s[0], SO_SNDTIMEO, 0);
    interrupt_after(20000, 0);
    TRYAS("interrupted", send(s[0], "x", 1, 0));
    interrupt_after(20000, SA_RESTART);
    limit(s[0], SO_SNDTIMEO, 100000);
    TRYAS("interrupted with a limit, SA_RESTART", send(s[0], "x", 1, 0));
    limit(s[0], SO_SNDTIMEO, 0);
    pid_t child = MUST(fork());
    if (!child) {
        close(s[1]);
        say("the sleeper wrote %zd", send(s[0], block, sizeof block, 0));
        _exit(0);
    }
    close(s[0]);
    total = 0;
    settle();
    while ((n = read(s[1], block, 9999)) > 0)
        total += n;
    say("read %ld in all", total);
    MUST(waitpid(child, NULL, 0));
    close(s[1]);

    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    MUST(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small));
    child = MUST(fork());
    if (!child) {
        close(s[1]);
        signal(SIGPIPE, SIG_IGN);
        n = write(s[0], block, sizeof block);
        say("part of it was written: %d, then %s", n > 0 && n < (long)sizeof block, outcome(write(s[0], "x", 1)));
        int error;
        socklen_t length = sizeof error;
        getsockopt(s[0], SOL_SOCKET, SO_ERROR, &error, &length);
        say("error %d", error);
        _exit(0);
    }
    close(s[0]);
    settle();
    close(s[1]);
    MUST(waitpid(child, NULL, 0));
}

static void receivers(int kind)
{
    int s[2], p[2];
    char buffer[20];
    MUST(socketpair(AF_UNIX, kind, 0, s));
    MUST(pipe(p));
    say("kind %d", kind);
    limit(s[1], SO_RCVTIMEO, 20000);
    TRYAS("recv with a time limit", recv(s[1], buffer, 20, 0));
    TRYAS("read with a time limit", read(s[1], buffer, 20));
    limit(s[1], SO_RCVTIMEO, 0);
    interrupt_after(20000, 0);
    TRYAS("interrupted", recv(s[1], buffer, 20, 0));
    pid_t child = MUST(fork());
    if (!child) {
        ssize_t n = recv(s[1], buffer, 8, MSG_WAITALL);
        say("MSG_WAITALL got %zd %.*s", n, n < 0 ? 0 : (int)n, buffer);
        n = read(s[1], buffer, 8);
        say("then %zd %.*s", n, n < 0 ? 0 : (int)n, buffer);
        n = recv(s[1], buffer, 8, MSG_PEEK | MSG_WAITALL);
        say("MSG_PEEK got %zd %.*s", n, n < 0 ? 0 : (int)n, buffer);
        shutdown(s[1], SHUT_RD);
        n = recv(s[1], buffer, 8, 0);
        n = recv(s[1], buffer, 8, 0);
        say("after SHUT_RD %s %zd", outcome(n), n);
        _exit(0);
    }
    settle();
    MUST(write(s[0], "abcde", 5));
    settle();
    MUST(write(s[0], "fghij", 5));
    settle();
    MUST(write(s[0], "klm", 3));
    MUST(waitpid(child, NULL, 0));
    signal(SIGPIPE, SIG_IGN);
    TRYAS("to who does not read", write(s[0], "x", 1));
    child = MUST(fork());
    if (!child) {
        close(s[1]);
        say("at the end %zd", recv(s[0], buffer, 8, 0));
        _exit(0);
    }
    settle();
    shutdown(s[kind == SOCK_DGRAM ? 0 : 1], SHUT_RDWR);
    MUST(waitpid(child, NULL, 0));
    close(s[0]);
    close(s[1]);
}

int main(void)
{
    full_queue(0);
    full_queue(1);
    backlog(SOCK_STREAM);
    backlog(SOCK_SEQPACKET);
    full_buffer();
    receivers(SOCK_STREAM);
    receivers(SOCK_SEQPACKET);
    receivers(SOCK_DGRAM);
    return 0;
}
