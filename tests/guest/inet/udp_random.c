// args: 1 3 4 5
// timeout: 60
/* Random operations on some UDP sockets of both families, the same for the same seed. */
#include "inet.h"

enum { SLOTS = 6, STEPS = 200, PORTS = 3 };
static unsigned state;
static int slot[SLOTS], six[SLOTS];

static unsigned draw(unsigned below)
{
    state = state * 1103515245 + 12345;
    return (state >> 16) % below;
}

static const char *const FOUR[] = { "127.0.0.1", "0.0.0.0", "127.0.0.2", "127.255.255.255", "10.0.0.1" };
static const char *const SIX[] = { "::1", "::", "::ffff:127.0.0.1", "2001:db8::1" };

static void make(int at)
{
    six[at] = draw(3) == 0;
    slot[at] = MUST(socket(six[at] ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
    say("%d socket %s", at, six[at] ? "six" : "four");
    if (draw(3) == 0)
        say("%d reuse: %s", at, res(set_int(slot[at], SOL_SOCKET, SO_REUSEADDR, 1)));
    if (six[at] && draw(3) == 0)
        say("%d v6only: %s", at, res(set_int(slot[at], IPPROTO_IPV6, IPV6_V6ONLY, 1)));
    if (draw(4) == 0)
        say("%d broadcast: %s", at, res(set_int(slot[at], SOL_SOCKET, SO_BROADCAST, 1)));
    if (!six[at] && draw(4) == 0)
        say("%d recverr: %s", at, res(set_int(slot[at], IPPROTO_IP, IP_RECVERR, 1)));
}

static socklen_t choose(int at, struct sockaddr_storage *to, char *text, int reachable)
{
    int port = 3000 + draw(PORTS);
    memset(to, 0, sizeof *to);
    if (six[at]) {
        const char *address = SIX[draw(NELEM(SIX) - reachable)];
        *(struct sockaddr_in6 *)to = in6(address, port);
        sprintf(text, "%s %d", address, port);
        return sizeof(struct sockaddr_in6);
    }
    const char *address = FOUR[draw(NELEM(FOUR) - reachable)];
    *(struct sockaddr_in *)to = in4(address, port);
    sprintf(text, "%s %d", address, port);
    return sizeof(struct sockaddr_in);
}

static void show_name(const char *what, int at, int peer)
{
    struct sockaddr_storage name;
    char text[64] = "";
    socklen_t size = sizeof name;
    int done = peer ? getpeername(slot[at], (void *)&name, &size) : getsockname(slot[at], (void *)&name, &size);
    if (done == 0)
        inet_ntop(name.ss_family, name.ss_family == AF_INET ? (void *)&((struct sockaddr_in *)&name)->sin_addr
                                                           : (void *)&((struct sockaddr_in6 *)&name)->sin6_addr,
            text, sizeof text);
    int port = ntohs(((struct sockaddr_in *)&name)->sin_port);
    say("%d %s: %s %s %s", at, what, res(done), text,
        done ? "" : !port ? "none" : port >= 3000 && port < 3000 + PORTS ? "chosen" : "some");
}

static void receive(int at, int flags)
{
    char data[100], text[64] = "";
    struct sockaddr_storage from = { 0 };
    socklen_t size = sizeof from;
    int want = 1 + draw(60);
    long got = recvfrom(slot[at], data, want, flags, (void *)&from, &size);
    if (got < 0) {
        say("%d recv %d flags %x: %s", at, want, flags, res(-1));
        return;
    }
    inet_ntop(from.ss_family, from.ss_family == AF_INET ? (void *)&((struct sockaddr_in *)&from)->sin_addr
                                                       : (void *)&((struct sockaddr_in6 *)&from)->sin6_addr,
        text, sizeof text);
    say("%d recv %d flags %x: %ld '%.*s' from %s", at, want, flags, got, (int)(got < want ? got : want), data, text);
}

static void error_queue(int at)
{
    char data[100], control[200], text[64] = "";
    struct sockaddr_in to = { 0 };
    struct iovec iov = { data, sizeof data };
    struct msghdr message = { .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &iov, .msg_iovlen = 1,
        .msg_control = control, .msg_controllen = sizeof control };
    long got = recvmsg(slot[at], &message, MSG_ERRQUEUE);
    say("%d error queue: %s %ld flags %x", at, res(got), got, got < 0 ? 0 : message.msg_flags);
    if (got < 0)
        return;
    inet_ntop(AF_INET, &to.sin_addr, text, sizeof text);
    say("   '%.*s' to %s %d", (int)got, data, text, ntohs(to.sin_port));
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        unsigned char *e = CMSG_DATA(c);
        say("   cmsg %d %d: errno %d origin %d type %d code %d", c->cmsg_level, c->cmsg_type, e[0], e[4], e[5], e[6]);
    }
}

static void step(void)
{
    int at = draw(SLOTS);
    struct sockaddr_storage to;
    char text[64];
    if (slot[at] < 0) {
        make(at);
        return;
    }
    switch (draw(20)) {
    case 0: case 1: case 2: {
        socklen_t size = choose(at, &to, text, 0);
        say("%d bind %s: %s", at, text, res(bind(slot[at], (void *)&to, size)));
        break;
    }
    case 3: case 4: {
        /* after a connect to what is unreachable, Linux 6.18 tells a connected socket of no more errors */
        socklen_t size = choose(at, &to, text, 1);
        say("%d connect %s: %s", at, text, res(connect(slot[at], (void *)&to, size)));
        break;
    }
    case 5: case 6: case 7: case 8: case 9: {
        static char letter = 'a';
        char data[80];
        int length = draw(sizeof data);
        memset(data, letter, sizeof data);
        letter = letter == 'z' ? 'a' : letter + 1;
        if (draw(3)) {
            socklen_t size = choose(at, &to, text, 0);
            long sent = sendto(slot[at], data, length, 0, (void *)&to, size);
            say("%d sendto %s %d: %s %ld", at, text, length, res(sent), sent);
        } else {
            long sent = send(slot[at], data, length, 0);
            say("%d send %d: %s %ld", at, length, res(sent), sent);
        }
        break;
    }
    case 10: case 11: case 12: case 13:
        receive(at, draw(4) == 0 ? MSG_PEEK : draw(3) == 0 ? MSG_TRUNC : 0);
        break;
    case 14:
        show_name("name", at, 0);
        show_name("peer", at, 1);
        break;
    case 15:
        if (draw(2)) {
            struct sockaddr nobody = { .sa_family = AF_UNSPEC };
            say("%d disconnect: %s", at, res(connect(slot[at], &nobody, sizeof nobody)));
        } else {
            int how = draw(3);
            say("%d shutdown %d: %s", at, how, res(shutdown(slot[at], how)));
        }
        break;
    case 16:
        if (!six[at])
            error_queue(at);
        break;
    case 17: {
        int value = -1;
        long done = ioctl(slot[at], FIONREAD, &value);
        say("%d FIONREAD: %s %d SO_ERROR %s", at, res(done), value, nerr(get_int(slot[at], SOL_SOCKET, SO_ERROR)));
        break;
    }
    default:
        if (draw(3) == 0) {
            say("%d close: %s", at, res(close(slot[at])));
            slot[at] = -1;
        }
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
