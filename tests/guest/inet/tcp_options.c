/* Options of SOL_TCP, SOL_IP, SOL_IPV6 and SOL_SOCKET: first values, what is kept, what is refused. */
#include "inet.h"
#include <linux/in6.h>

#define SHOW(fd, level, name) show(#level, #name, fd, level, name)
static void show(const char *what, const char *option, int fd, int level, int name)
{
    int value = get_int(fd, level, name);
    say("%s %s: %d", what, option, value);
}
static void put(const char *option, int fd, int level, int name, int value)
{
    const char *done = res(set_int(fd, level, name, value));
    say("%s = %d: %s, then %d", option, value, done, get_int(fd, level, name));
}
#define PUT(fd, level, name, value) put(#name, fd, level, name, value)

static void tcp_first(int fd)
{
    SHOW(fd, IPPROTO_TCP, TCP_NODELAY);
    SHOW(fd, IPPROTO_TCP, TCP_CORK);
    SHOW(fd, IPPROTO_TCP, TCP_MAXSEG);
    SHOW(fd, IPPROTO_TCP, TCP_KEEPIDLE);
    SHOW(fd, IPPROTO_TCP, TCP_KEEPINTVL);
    SHOW(fd, IPPROTO_TCP, TCP_KEEPCNT);
    SHOW(fd, IPPROTO_TCP, TCP_SYNCNT);
    SHOW(fd, IPPROTO_TCP, TCP_LINGER2);
    SHOW(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT);
    SHOW(fd, IPPROTO_TCP, TCP_QUICKACK);
    SHOW(fd, IPPROTO_TCP, TCP_USER_TIMEOUT);
    SHOW(fd, IPPROTO_TCP, 99);
    SHOW(fd, SOL_SOCKET, SO_TYPE);
    SHOW(fd, SOL_SOCKET, SO_DOMAIN);
    SHOW(fd, SOL_SOCKET, SO_PROTOCOL);
    SHOW(fd, SOL_SOCKET, SO_KEEPALIVE);
    SHOW(fd, SOL_SOCKET, SO_ACCEPTCONN);
    SHOW(fd, SOL_SOCKET, SO_REUSEADDR);
}

int main(void)
{
    own_net();
    int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
    tcp_first(fd);
    PUT(fd, IPPROTO_TCP, TCP_NODELAY, 5);
    PUT(fd, IPPROTO_TCP, TCP_CORK, 1);
    PUT(fd, IPPROTO_TCP, TCP_CORK, 0);
    PUT(fd, IPPROTO_TCP, TCP_KEEPIDLE, 10);
    PUT(fd, IPPROTO_TCP, TCP_KEEPIDLE, 0);
    PUT(fd, IPPROTO_TCP, TCP_KEEPIDLE, 40000);
    PUT(fd, IPPROTO_TCP, TCP_KEEPINTVL, 7);
    PUT(fd, IPPROTO_TCP, TCP_KEEPCNT, 200);
    PUT(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
    PUT(fd, IPPROTO_TCP, TCP_SYNCNT, 2);
    PUT(fd, IPPROTO_TCP, TCP_SYNCNT, 0);
    PUT(fd, IPPROTO_TCP, TCP_LINGER2, 5);
    PUT(fd, IPPROTO_TCP, TCP_LINGER2, -4);
    PUT(fd, IPPROTO_TCP, TCP_LINGER2, 500);
    PUT(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 5);
    PUT(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1);
    PUT(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 0);
    PUT(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 3000);
    PUT(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, -1);
    PUT(fd, IPPROTO_TCP, TCP_MAXSEG, 50);
    PUT(fd, IPPROTO_TCP, TCP_MAXSEG, 1000);
    PUT(fd, IPPROTO_TCP, 99, 1);
    PUT(fd, SOL_SOCKET, SO_KEEPALIVE, 7);
    PUT(fd, SOL_SOCKET, SO_OOBINLINE, 1);
    PUT(fd, SOL_SOCKET, SO_RCVLOWAT, 10);
    PUT(fd, SOL_SOCKET, SO_SNDBUF, 20000);
    PUT(fd, SOL_SOCKET, SO_RCVBUF, 20000);
    PUT(fd, SOL_SOCKET, SO_SNDBUF, 1);
    PUT(fd, SOL_SOCKET, SO_RCVBUF, 1);
    char name[16] = "";
    socklen_t size = sizeof name;
    TRYAS("reno", setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
    TRYAS("getsockopt", getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &size));
    say("%s %u", name, size);
    TRYAS("nonsense", setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "nonsense", 8));
    TRYAS("short", setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, name, 2));
    SHOW(fd, IPPROTO_IP, IP_TOS);
    SHOW(fd, IPPROTO_IP, IP_TTL);
    PUT(fd, IPPROTO_IP, IP_TOS, 0x13);
    PUT(fd, IPPROTO_IP, IP_TOS, 0x1f0);
    PUT(fd, IPPROTO_IP, IP_TTL, 9);
    PUT(fd, IPPROTO_IP, IP_TTL, 0);
    PUT(fd, IPPROTO_IP, IP_TTL, 256);
    PUT(fd, IPPROTO_IP, IP_TTL, -1);
    PUT(fd, IPPROTO_IP, IP_MULTICAST_TTL, 3);
    PUT(fd, IPPROTO_IP, IP_MTU_DISCOVER, 2);
    PUT(fd, IPPROTO_IP, IP_MTU_DISCOVER, 9);
    SHOW(fd, IPPROTO_IP, IP_MTU);
    PUT(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    PUT(fd, 77, 1, 1);
    unsigned char byte = 8;
    TRYAS("one byte", setsockopt(fd, IPPROTO_IP, IP_TTL, &byte, 1));
    size = 1;
    byte = 0;
    TRYAS("one byte", getsockopt(fd, IPPROTO_IP, IP_TTL, &byte, &size));
    say("%d %u", byte, size);

    int six = MUST(socket(AF_INET6, SOCK_STREAM, 0));
    SHOW(six, IPPROTO_IPV6, IPV6_V6ONLY);
    SHOW(six, IPPROTO_IPV6, IPV6_UNICAST_HOPS);
    PUT(six, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 300);
    PUT(six, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 30);
    PUT(six, IPPROTO_IPV6, IPV6_UNICAST_HOPS, -1);
    PUT(six, IPPROTO_IPV6, IPV6_TCLASS, 12);
    PUT(six, IPPROTO_IPV6, IPV6_TCLASS, 256);
    PUT(six, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    PUT(six, IPPROTO_IP, IP_TOS, 4);
    MUST(bind6(six, "::1", 0));
    PUT(six, IPPROTO_IPV6, IPV6_V6ONLY, 0);

    int pair[2];
    tcp_pair(pair);
    SHOW(pair[0], IPPROTO_IP, IP_MTU);
    SHOW(pair[0], SOL_SOCKET, SO_RCVBUF);
    MUST(send(pair[0], "abc", 3, 0));
    settle();
    struct tcp_info info;
    size = sizeof info;
    MUST(getsockopt(pair[0], IPPROTO_TCP, TCP_INFO, &info, &size));
    say("client: state %d advmss %u unacked %u retrans %u pmtu %u", info.tcpi_state, info.tcpi_advmss,
        info.tcpi_unacked, info.tcpi_retrans, info.tcpi_pmtu);
    MUST(getsockopt(pair[1], IPPROTO_TCP, TCP_INFO, &info, &size));
    say("server: state %d options %d", info.tcpi_state, info.tcpi_options & 7);
    int listener = listener4(5);
    SHOW(listener, SOL_SOCKET, SO_ACCEPTCONN);
    MUST(set_int(listener, IPPROTO_TCP, TCP_KEEPIDLE, 77));
    MUST(set_int(listener, SOL_SOCKET, SO_KEEPALIVE, 1));
    MUST(set_int(listener, IPPROTO_IP, IP_TOS, 16));
    MUST(set_int(listener, SOL_SOCKET, SO_RCVBUF, 30000));
    int client = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(connect4(client, "127.0.0.1", port_of(listener)));
    int child = MUST(accept(listener, NULL, NULL));
    SHOW(child, IPPROTO_TCP, TCP_KEEPIDLE);
    SHOW(child, SOL_SOCKET, SO_KEEPALIVE);
    SHOW(child, IPPROTO_IP, IP_TOS);
    SHOW(child, SOL_SOCKET, SO_RCVBUF);
    SHOW(child, SOL_SOCKET, SO_ACCEPTCONN);
    MUST(getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &size));
    say("listener: state %d waiting %u most %u", info.tcpi_state, info.tcpi_unacked, info.tcpi_sacked);
    return 0;
}
