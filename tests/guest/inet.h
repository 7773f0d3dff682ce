/* What the programs about AF_INET have in common. Each runs in a network namespace of its own, so that no port is
 * taken by somebody else and nothing of the host is reached. */
#ifndef INET_H
#define INET_H
#include "guest.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static inline const char *nerr(int number)
{
    switch (number) {
    case EADDRINUSE: return "EADDRINUSE";
    case EADDRNOTAVAIL: return "EADDRNOTAVAIL";
    case ENETUNREACH: return "ENETUNREACH";
    case ECONNREFUSED: return "ECONNREFUSED";
    case ECONNRESET: return "ECONNRESET";
    case ECONNABORTED: return "ECONNABORTED";
    case EISCONN: return "EISCONN";
    case ENOTCONN: return "ENOTCONN";
    case EDESTADDRREQ: return "EDESTADDRREQ";
    case EMSGSIZE: return "EMSGSIZE";
    case EAFNOSUPPORT: return "EAFNOSUPPORT";
    case EPROTONOSUPPORT: return "EPROTONOSUPPORT";
    case ESOCKTNOSUPPORT: return "ESOCKTNOSUPPORT";
    case ENOPROTOOPT: return "ENOPROTOOPT";
    case EHOSTUNREACH: return "EHOSTUNREACH";
    case EPROTO: return "EPROTO";
    default: return err(number);
    }
}
static inline const char *res(long result) { return result == -1 ? nerr(errno) : "ok"; }
#define NTRY(call) say("%s: %s", #call, res((long)(call)))

static inline void lo_up(void)
{
    struct ifreq request = { .ifr_flags = IFF_UP };
    int fd = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    strcpy(request.ifr_name, "lo");
    MUST(ioctl(fd, SIOCSIFFLAGS, &request));
    close(fd);
}

/* A network namespace with the loopback device up; root within, whoever runs it. */
static inline void own_net(void)
{
    if (unshare(CLONE_NEWNET) == -1)
        MUST(unshare(CLONE_NEWUSER | CLONE_NEWNET));
    lo_up();
}

static inline struct sockaddr_in in4(const char *address, int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
    inet_pton(AF_INET, address, &to.sin_addr);
    return to;
}
static inline struct sockaddr_in6 in6(const char *address, int port)
{
    struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    inet_pton(AF_INET6, address, &to.sin6_addr);
    return to;
}
static inline int bind4(int fd, const char *address, int port)
{
    struct sockaddr_in to = in4(address, port);
    return bind(fd, (void *)&to, sizeof to);
}
static inline int connect4(int fd, const char *address, int port)
{
    struct sockaddr_in to = in4(address, port);
    return connect(fd, (void *)&to, sizeof to);
}
static inline int bind6(int fd, const char *address, int port)
{
    struct sockaddr_in6 to = in6(address, port);
    return bind(fd, (void *)&to, sizeof to);
}
static inline int connect6(int fd, const char *address, int port)
{
    struct sockaddr_in6 to = in6(address, port);
    return connect(fd, (void *)&to, sizeof to);
}
static inline int port_of(int fd)
{
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    MUST(getsockname(fd, (void *)&name, &size));
    return ntohs(((struct sockaddr_in *)&name)->sin_port);
}
static inline int set_int(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value);
}
static inline int get_int(int fd, int level, int name)
{
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(fd, level, name, &value, &size) == -1 ? -errno : value;
}
static inline int listener4(int backlog)
{
    int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(bind4(fd, "127.0.0.1", 0));
    MUST(listen(fd, backlog));
    return fd;
}

/* A connected pair: the connecting end and the accepted one. */
static inline void tcp_pair(int pair[2])
{
    int fd = listener4(1);
    pair[0] = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(connect4(pair[0], "127.0.0.1", port_of(fd)));
    pair[1] = MUST(accept(fd, NULL, NULL));
    close(fd);
}
static inline int tcp_state(int fd)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    MUST(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size));
    return info.tcpi_state;
}
static inline const char *state_name(int state)
{
    static const char *const names[] = { "?", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",
        "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING" };
    return state >= 0 && state < NELEM(names) ? names[state] : "?";
}
static inline int revents(int fd)
{
    struct pollfd entry = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP };
    MUST(poll(&entry, 1, 0));
    return entry.revents;
}
static inline const char *events_text(int mask)
{
    static char texts[4][64];
    static int turn;
    char *text = texts[turn++ % 4];
    snprintf(text, 64, "%s%s%s%s%s%s", mask & POLLIN ? " IN" : "", mask & POLLPRI ? " PRI" : "",
        mask & POLLOUT ? " OUT" : "", mask & POLLERR ? " ERR" : "", mask & POLLHUP ? " HUP" : "",
        mask & POLLRDHUP ? " RDHUP" : "");
    return *text ? text + 1 : "-";
}
static inline void settle(void)
{
    struct timespec moment = { 0, 3 * MS }; /* what is under way arrives, also on a busy host */
    nanosleep(&moment, NULL);
}
#endif
