// args: 1 2 3 4
// timeout: 60
/* Random operations on some TCP sockets, the same for the same seed: each with its result, and what poll says of all.
 * Clients do not choose their ports, so that nothing depends on how old a finished connection is. */
#include "inet.h"

enum { SLOTS = 7, STEPS = 160, PORTS = 3 };
static unsigned state;
static int slot[SLOTS];

static unsigned draw(unsigned below)
{
    state = state * 1103515245 + 12345;
    return (state >> 16) % below;
}

static const char *const ADDRESSES[] = { "127.0.0.1", "0.0.0.0", "127.0.0.2", "10.0.0.1" };

static void make(int at)
{
    if (slot[at] >= 0)
        return;
    slot[at] = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    set_int(slot[at], IPPROTO_TCP, TCP_NODELAY, 1);
    if (draw(3) == 0)
        set_int(slot[at], SOL_SOCKET, SO_REUSEADDR, 1);
    if (draw(6) == 0)
        set_int(slot[at], SOL_SOCKET, SO_OOBINLINE, 1);
    if (draw(6) == 0)
        set_int(slot[at], SOL_SOCKET, SO_REUSEPORT, 1);
    say("%d socket", at);
}

static void take(int at)
{
    for (int to = 0; to < SLOTS; to++)
        if (slot[to] < 0) {
            int fd = accept4(slot[at], NULL, NULL, SOCK_NONBLOCK);
            say("%d accept: %s", at, fd < 0 ? res(-1) : "ok");
            if (fd >= 0) {
                slot[to] = fd;
                set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
                say("%d is it", to);
            }
            return;
        }
}

static void receive(int at, int flags)
{
    char data[200];
    int want = 1 + draw(sizeof data - 1);
    long got = recv(slot[at], data, want, flags);
    if (got < 0)
        say("%d recv %d flags %x: %s", at, want, flags, res(-1));
    else
        say("%d recv %d flags %x: %ld '%.*s'", at, want, flags, got, (int)got, data);
}

static void transmit(int at, int flags)
{
    static char letter = 'a';
    char data[100];
    int size = 1 + draw(sizeof data);
    memset(data, letter, sizeof data);
    letter = letter == 'z' ? 'a' : letter + 1;
    long sent = send(slot[at], data, size, flags | MSG_NOSIGNAL);
    say("%d send %d flags %x: %s %ld", at, size, flags, res(sent), sent);
}

static void number(int at)
{
    int value = -1, mark = -1;
    long inq = ioctl(slot[at], FIONREAD, &value);
    say("%d FIONREAD: %s %d", at, res(inq), value);
    say("%d SIOCATMARK: %s %d", at, res(ioctl(slot[at], SIOCATMARK, &mark)), mark);
    say("%d SO_ERROR: %s", at, nerr(get_int(slot[at], SOL_SOCKET, SO_ERROR)));
    say("%d state %s", at, state_name(tcp_state(slot[at])));
}

static void name(int at)
{
    struct sockaddr_in own = { 0 }, peer = { 0 };
    socklen_t size = sizeof own;
    MUST(getsockname(slot[at], (void *)&own, &size));
    say("%d named %s port %s", at, inet_ntoa(own.sin_addr), own.sin_port ? "yes" : "no");
    size = sizeof peer;
    int done = getpeername(slot[at], (void *)&peer, &size);
    say("%d peer: %s %s", at, res(done), done ? "" : inet_ntoa(peer.sin_addr));
}

static void step(void)
{
    int at = draw(SLOTS), port = 2000 + draw(PORTS);
    if (slot[at] < 0) {
        make(at);
        return;
    }
    const char *address = ADDRESSES[draw(NELEM(ADDRESSES))];
    switch (draw(24)) {
    case 0: case 1:
        say("%d bind %s %d: %s", at, address, port, res(bind4(slot[at], address, port)));
        break;
    case 2: case 3:
        say("%d listen: %s", at, res(listen(slot[at], 8)));
        break;
    case 4: case 5: case 6: case 7:
        if (*address == '1' && address[1] == '0')
            address = "127.0.0.1";
        say("%d connect %s %d: %s", at, address, port, res(connect4(slot[at], address, port)));
        break;
    case 8: case 9: case 10:
        take(at);
        break;
    case 11: case 12: case 13:
        transmit(at, draw(8) == 0 ? MSG_OOB : 0);
        break;
    case 14: case 15: case 16:
        receive(at, 0);
        break;
    case 17:
        receive(at, MSG_PEEK);
        break;
    case 18:
        receive(at, draw(2) ? MSG_OOB : MSG_WAITALL);
        break;
    case 19: {
        int how = draw(3);
        say("%d shutdown %d: %s", at, how, res(shutdown(slot[at], how)));
        break;
    }
    case 20:
        number(at);
        break;
    case 21:
        name(at);
        break;
    case 22:
        if (draw(3) == 0) {
            struct linger linger = { 1, 0 };
            MUST(setsockopt(slot[at], SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
            say("%d linger", at);
        } else if (draw(3) == 0) {
            struct sockaddr nobody = { .sa_family = AF_UNSPEC };
            say("%d disconnect: %s", at, res(connect(slot[at], &nobody, sizeof nobody)));
        }
        break;
    case 23:
        say("%d close: %s", at, res(close(slot[at])));
        slot[at] = -1;
        break;
    }
}

static void look(void)
{
    char line[256];
    int length = 0;
    for (int at = 0; at < SLOTS; at++)
        if (slot[at] >= 0)
            length += snprintf(line + length, sizeof line - length, " %d:%s", at, events_text(revents(slot[at])));
    if (length)
        say("   %s", line + 1);
}

int main(int argc, char **argv)
{
    for (int arg = 1; arg < argc; arg++) {
        own_net();
        state = atoi(argv[arg]);
        memset(slot, -1, sizeof slot);
        say("seed %u", state);
        for (int count = 0; count < STEPS; count++) {
            step();
            settle();
            look();
        }
        for (int at = 0; at < SLOTS; at++)
            if (slot[at] >= 0)
                close(slot[at]);
    }
    return 0;
}
