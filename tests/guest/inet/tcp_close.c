/* The ways a connection ends: in order, by reset, half closed, with data nobody read; what each side is told. */
#include "inet.h"

static int pipes;
static void on_pipe(int number) { pipes++; }

static void show(const char *what, int fd)
{
    say("%s: %s, poll %s", what, state_name(tcp_state(fd)), events_text(revents(fd)));
}
static void get(const char *what, int fd)
{
    char data[64];
    long n = recv(fd, data, sizeof data, MSG_DONTWAIT);
    say("%s recv: %s %ld", what, res(n), n);
}
static void put(const char *what, int fd)
{
    pipes = 0;
    long n = send(fd, "hello", 5, 0);
    settle();
    say("%s send: %s %ld, SIGPIPE %d", what, res(n), n, pipes);
}

int main(void)
{
    int pair[2];
    own_net();
    signal(SIGPIPE, on_pipe);

    say("-- in order");
    tcp_pair(pair);
    MUST(send(pair[0], "last words", 10, 0));
    MUST(close(pair[0]));
    settle();
    show("second", pair[1]);
    get("second", pair[1]);
    get("second", pair[1]);
    put("second", pair[1]);
    show("second", pair[1]);
    put("second", pair[1]);
    get("second", pair[1]);
    close(pair[1]);

    say("-- half closed");
    tcp_pair(pair);
    MUST(shutdown(pair[0], SHUT_WR));
    usleep(200000); /* its end may be acknowledged late */
    show("first", pair[0]);
    show("second", pair[1]);
    put("first", pair[0]);
    put("second", pair[1]);
    get("first", pair[0]);
    MUST(shutdown(pair[1], SHUT_WR));
    settle();
    show("first", pair[0]);
    show("second", pair[1]);
    get("first", pair[0]);
    NTRY(shutdown(pair[0], SHUT_RDWR));
    NTRY(shutdown(pair[1], SHUT_RDWR));
    close(pair[0]);
    close(pair[1]);

    say("-- unread data");
    tcp_pair(pair);
    MUST(send(pair[1], "unread", 6, 0));
    MUST(send(pair[0], "in flight", 9, 0));
    settle();
    MUST(close(pair[0]));
    settle();
    show("second", pair[1]);
    get("second", pair[1]);
    get("second", pair[1]);
    put("second", pair[1]);
    close(pair[1]);

    say("-- linger of no time");
    tcp_pair(pair);
    struct linger linger = { 1, 0 };
    MUST(setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
    MUST(close(pair[0]));
    settle();
    show("second", pair[1]);
    say("SO_ERROR %s", nerr(get_int(pair[1], SOL_SOCKET, SO_ERROR)));
    say("SO_ERROR %s", nerr(get_int(pair[1], SOL_SOCKET, SO_ERROR)));
    put("second", pair[1]);
    get("second", pair[1]);
    close(pair[1]);

    say("-- reading shut down");
    tcp_pair(pair);
    MUST(shutdown(pair[0], SHUT_RD));
    get("first", pair[0]);
    put("second", pair[1]);
    get("first", pair[0]);
    get("first", pair[0]);
    show("first", pair[0]);
    MUST(shutdown(pair[0], SHUT_RDWR));
    settle();
    put("second", pair[1]);
    show("second", pair[1]);
    show("first", pair[0]);
    get("second", pair[1]);
    get("first", pair[0]);
    close(pair[0]);
    close(pair[1]);

    say("-- a listener goes with connections");
    int listener = listener4(5);
    int one = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(connect4(one, "127.0.0.1", port_of(listener)));
    put("one", one);
    close(listener);
    settle();
    show("one", one);
    get("one", one);
    get("one", one);

    say("-- disconnect");
    tcp_pair(pair);
    struct sockaddr nobody = { .sa_family = AF_UNSPEC };
    NTRY(connect(pair[0], &nobody, sizeof nobody));
    settle();
    show("first", pair[0]);
    show("second", pair[1]);
    get("second", pair[1]);

    say("-- two that close at once");
    tcp_pair(pair);
    int other = dup(pair[1]);
    MUST(shutdown(pair[1], SHUT_WR));
    MUST(shutdown(pair[0], SHUT_WR));
    settle();
    show("first", pair[0]);
    show("second", other);
    NTRY(getpeername(other, &nobody, &(socklen_t){ sizeof nobody }));
    say("-- what is left of them");
    FILE *file = fopen("/proc/self/net/tcp", "r");
    char line[256];
    int waits = 0;
    while (fgets(line, sizeof line, file)) {
        unsigned state;
        if (sscanf(line, "%*d: %*s %*s %x", &state) == 1 && state == 6)
            waits++;
    }
    YES(waits > 0);
    return 0;
}
