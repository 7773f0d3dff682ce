/* Corks, urgent data with its signal, deferred accepts, fast open, peeking, a device that is down. */
#include "inet.h"
#include <netinet/tcp.h>
#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30
#endif

static volatile int urgent;
static void on_urgent(int number) { urgent++; }

static void get(int fd, int flags)
{
    char data[100];
    settle();
    long n = recv(fd, data, sizeof data, flags | MSG_DONTWAIT);
    say("  recv flags %x: %s %ld '%.*s'", flags, res(n), n, n > 0 ? (int)n : 0, data);
}

static void corks(void)
{
    int pair[2];
    tcp_pair(pair);
    say("corked");
    MUST(set_int(pair[0], IPPROTO_TCP, TCP_CORK, 1));
    MUST(send(pair[0], "one", 3, 0));
    MUST(send(pair[0], "two", 3, 0));
    get(pair[1], 0);
    MUST(set_int(pair[0], IPPROTO_TCP, TCP_CORK, 0));
    get(pair[1], 0);
    MUST(send(pair[0], "more", 4, MSG_MORE));
    get(pair[1], 0);
    MUST(send(pair[0], "done", 4, 0));
    get(pair[1], 0);
    MUST(send(pair[0], "late", 4, MSG_MORE));
    struct pollfd entry = { .fd = pair[1], .events = POLLIN };
    say("  comes by itself: %d", poll(&entry, 1, 5000));
    get(pair[1], 0);
    MUST(send(pair[0], "last", 4, MSG_MORE));
    MUST(shutdown(pair[0], SHUT_WR));
    get(pair[1], 0);
    get(pair[1], 0);
}

static void out_of_band(void)
{
    int pair[2], mark;
    tcp_pair(pair);
    say("urgent");
    signal(SIGURG, on_urgent);
    MUST(fcntl(pair[1], F_SETOWN, getpid()));
    MUST(send(pair[0], "before", 6, 0));
    MUST(send(pair[0], "urgent!", 7, MSG_OOB));
    MUST(send(pair[0], "after", 5, 0));
    settle();
    say("  signals %d, poll %s", urgent, events_text(revents(pair[1])));
    get(pair[1], MSG_PEEK);
    get(pair[1], MSG_OOB | MSG_PEEK);
    get(pair[1], 0);
    MUST(ioctl(pair[1], SIOCATMARK, &mark));
    say("  at mark %d", mark);
    get(pair[1], MSG_OOB);
    get(pair[1], MSG_OOB);
    get(pair[1], 0);
    MUST(set_int(pair[1], SOL_SOCKET, SO_OOBINLINE, 1));
    MUST(send(pair[0], "x", 1, MSG_OOB));
    get(pair[1], MSG_OOB);
    get(pair[1], 0);
    say("  signals %d", urgent);
}

static void deferred(void)
{
    say("deferred");
    int listener = listener4(5), client = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(fcntl(listener, F_SETFL, O_NONBLOCK));
    MUST(set_int(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, 10));
    NTRY(connect4(client, "127.0.0.1", port_of(listener)));
    settle();
    say("  client %s", state_name(tcp_state(client)));
    NTRY(accept(listener, NULL, NULL));
    MUST(send(client, "now", 3, 0));
    settle();
    int end = accept(listener, NULL, NULL);
    say("  accept: %s", res(end));
    get(end, 0);
    client = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(set_int(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1));
    MUST(connect4(client, "127.0.0.1", port_of(listener)));
    struct pollfd entry = { .fd = listener, .events = POLLIN };
    say("  without data: %d", poll(&entry, 1, 10000));
}

static void fast_open(void)
{
    say("fast open");
    int listener = listener4(5), client = MUST(socket(AF_INET, SOCK_STREAM, 0));
    struct sockaddr_in to = in4("127.0.0.1", port_of(listener));
    say("  sendto: %ld", (long)sendto(client, "hello", 5, MSG_FASTOPEN, (void *)&to, sizeof to));
    get(MUST(accept(listener, NULL, NULL)), 0);
    NTRY(sendto(client, "again", 5, MSG_FASTOPEN, (void *)&to, sizeof to));
    client = MUST(socket(AF_INET, SOCK_STREAM, 0));
    close(listener);
    NTRY(sendto(client, "hello", 5, MSG_FASTOPEN, (void *)&to, sizeof to));
    NTRY(sendto(client, "hello", 5, MSG_FASTOPEN | MSG_NOSIGNAL, NULL, 0));
}

static void peeks(void)
{
    int pair[2];
    char data[20];
    tcp_pair(pair);
    say("peeks");
    MUST(send(pair[0], "abc", 3, 0));
    get(pair[1], MSG_PEEK);
    get(pair[1], MSG_PEEK);
    settle();
    if (fork() == 0) {
        usleep(30000);
        MUST(send(pair[0], "defg", 4, 0));
        _exit(0);
    }
    say("  all of it: %ld", (long)recv(pair[1], data, 7, MSG_PEEK | MSG_WAITALL));
    say("  thrown away: %ld", (long)recv(pair[1], NULL, 2, MSG_TRUNC));
    get(pair[1], 0);
    wait(NULL);
    NTRY(recv(pair[1], (void *)8, 5, MSG_DONTWAIT));
    MUST(send(pair[0], "kept", 4, 0));
    settle();
    NTRY(recv(pair[1], (void *)8, 5, MSG_DONTWAIT));
    get(pair[1], 0);
    NTRY(send(pair[0], (void *)8, 5, 0));
    NTRY(send(pair[0], data, 0, 0));
    NTRY(recv(pair[1], data, 0, MSG_DONTWAIT));
}

static void down(void)
{
    struct ifreq request = { .ifr_flags = 0 };
    int pair[2], fd = MUST(socket(AF_INET, SOCK_STREAM, 0)), udp = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    tcp_pair(pair);
    say("down");
    strcpy(request.ifr_name, "lo");
    MUST(ioctl(fd, SIOCSIFFLAGS, &request));
    MUST(set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 1500));
    NTRY(connect4(fd, "127.0.0.1", 1));
    NTRY(bind4(udp, "127.0.0.1", 1));
    struct sockaddr_in to = in4("127.0.0.1", 1);
    NTRY(sendto(udp, "x", 1, 0, (void *)&to, sizeof to));
    get(udp, 0);
    int six = MUST(socket(AF_INET6, SOCK_STREAM, 0));
    NTRY(connect6(six, "::1", 1));
    NTRY(bind6(six, "::1", 1));
    MUST(send(pair[0], "waits", 5, 0));
    get(pair[1], 0);
    lo_up();
    struct pollfd entry = { .fd = pair[1], .events = POLLIN };
    say("  up again: %d", poll(&entry, 1, 10000));
    get(pair[1], 0);
    NTRY(bind6(six, "::1", 1));
}

int main(void)
{
    own_net();
    corks();
    out_of_band();
    deferred();
    fast_open();
    peeks();
    down();
    return 0;
}
