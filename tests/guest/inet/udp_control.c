/* What comes along with datagrams, groups, large and many datagrams, ICMP by raw and echo sockets. */
#include "inet.h"
#include <netinet/ip_icmp.h>

static void receive(int fd)
{
    char data[100], control[256], from[64] = "";
    struct sockaddr_storage name = { 0 };
    struct iovec iov = { data, sizeof data };
    struct msghdr message = { .msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &iov, .msg_iovlen = 1,
        .msg_control = control, .msg_controllen = sizeof control };
    settle();
    long n = recvmsg(fd, &message, MSG_DONTWAIT);
    if (n < 0) {
        say("  %s", res(n));
        return;
    }
    inet_ntop(name.ss_family, name.ss_family == AF_INET ? (void *)&((struct sockaddr_in *)&name)->sin_addr
                                                       : (void *)&((struct sockaddr_in6 *)&name)->sin6_addr,
        from, sizeof from);
    say("  %ld '%.*s' from %s flags %x", n, (int)n, data, from, message.msg_flags);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        unsigned char *d = CMSG_DATA(c);
        char hex[128] = "";
        int time = c->cmsg_level == SOL_SOCKET;
        for (unsigned i = 0; !time && i < c->cmsg_len - CMSG_LEN(0) && i < 40; i++)
            if (c->cmsg_type != IP_ORIGDSTADDR || c->cmsg_level != IPPROTO_IP || (i != 2 && i != 3))
                sprintf(hex + strlen(hex), "%02x", d[i]);
        say("  cmsg level %d type %d length %d %s", c->cmsg_level, c->cmsg_type, (int)c->cmsg_len, time ? "time" : hex);
    }
}

static void along(void)
{
    int to = MUST(socket(AF_INET, SOCK_DGRAM, 0)), from = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    MUST(bind4(to, "0.0.0.0", 5000));
    struct sockaddr_in name = in4("127.0.0.3", 5000);
    MUST(set_int(to, IPPROTO_IP, IP_PKTINFO, 1));
    MUST(set_int(to, IPPROTO_IP, IP_RECVTTL, 1));
    MUST(set_int(to, IPPROTO_IP, IP_RECVTOS, 1));
    MUST(set_int(to, IPPROTO_IP, IP_RECVORIGDSTADDR, 1));
    MUST(sendto(from, "plain", 5, 0, (void *)&name, sizeof name));
    receive(to);
    MUST(set_int(from, IPPROTO_IP, IP_TTL, 7));
    MUST(set_int(from, IPPROTO_IP, IP_TOS, 0x20));
    MUST(set_int(to, SOL_SOCKET, SO_TIMESTAMP, 1));
    MUST(sendto(from, "marked", 6, 0, (void *)&name, sizeof name));
    receive(to);
    say("more");
    MUST(sendto(from, "in ", 3, MSG_MORE, (void *)&name, sizeof name));
    receive(to);
    MUST(sendto(from, "pieces", 6, 0, NULL, 0));
    receive(to);
    say("six");
    int six = MUST(socket(AF_INET6, SOCK_DGRAM, 0));
    MUST(bind6(six, "::", 5001));
    MUST(set_int(six, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
    MUST(set_int(six, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1));
    MUST(set_int(six, IPPROTO_IPV6, IPV6_RECVTCLASS, 1));
    name = in4("127.0.0.1", 5001);
    MUST(sendto(from, "four", 4, 0, (void *)&name, sizeof name));
    receive(six);
    int from6 = MUST(socket(AF_INET6, SOCK_DGRAM, 0));
    struct sockaddr_in6 name6 = in6("::1", 5001);
    MUST(sendto(from6, "six", 3, 0, (void *)&name6, sizeof name6));
    receive(six);
}

static void groups(void)
{
    int one = MUST(socket(AF_INET, SOCK_DGRAM, 0)), two = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    int from = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    struct sockaddr_in name = in4("224.1.2.3", 5002);
    struct ip_mreqn group = { name.sin_addr, { htonl(INADDR_LOOPBACK) }, 0 };
    say("groups");
    MUST(set_int(one, SOL_SOCKET, SO_REUSEADDR, 1));
    MUST(set_int(two, SOL_SOCKET, SO_REUSEADDR, 1));
    MUST(bind4(one, "0.0.0.0", 5002));
    MUST(bind4(two, "224.1.2.3", 5002));
    NTRY(sendto(from, "nowhere", 7, 0, (void *)&name, sizeof name));
    NTRY(setsockopt(from, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof group));
    NTRY(sendto(from, "nobody", 6, 0, (void *)&name, sizeof name));
    receive(one);
    NTRY(setsockopt(one, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group));
    NTRY(setsockopt(one, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group));
    NTRY(sendto(from, "both", 4, 0, (void *)&name, sizeof name));
    receive(one);
    receive(two);
    MUST(set_int(two, IPPROTO_IP, IP_MULTICAST_ALL, 0));
    NTRY(sendto(from, "one", 3, 0, (void *)&name, sizeof name));
    receive(one);
    receive(two);
    NTRY(setsockopt(one, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof group));
    NTRY(setsockopt(one, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof group));
    group.imr_multiaddr.s_addr = htonl(INADDR_LOOPBACK);
    NTRY(setsockopt(one, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group));
    say("broadcast");
    name = in4("127.255.255.255", 5002);
    NTRY(sendto(from, "all", 3, 0, (void *)&name, sizeof name));
    MUST(set_int(from, SOL_SOCKET, SO_BROADCAST, 1));
    NTRY(sendto(from, "all", 3, 0, (void *)&name, sizeof name));
    receive(one);
    receive(two);
}

static void sizes(void)
{
    static char much[70000];
    int to = MUST(socket(AF_INET, SOCK_DGRAM, 0)), from = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    say("sizes");
    MUST(bind4(to, "127.0.0.1", 5003));
    MUST(connect4(from, "127.0.0.1", 5003));
    NTRY(send(from, much, 65508, 0));
    NTRY(send(from, much, 70000, 0));
    NTRY(send(from, much, 65507, 0));
    say("whole %ld", (long)recv(to, much, sizeof much, MSG_DONTWAIT));
    NTRY(send(from, much, 1000, 0));
    say("cut %ld", (long)recv(to, much, 10, MSG_DONTWAIT | MSG_TRUNC));
    NTRY(send(from, much, 0, 0));
    settle();
    say("none: poll %s, %ld", events_text(revents(to)), (long)recv(to, much, 10, MSG_DONTWAIT));
    const int each[] = { 1, 100, 200, 500, 1000, 2000, 5000, 20000 };
    for (int i = 0; i < NELEM(each); i++) {
        int sent = 0, got = 0;
        for (; sent < 400; sent++)
            MUST(send(from, much, each[i], 0));
        settle();
        while (recv(to, much, sizeof much, MSG_DONTWAIT) > 0)
            got++;
        say("%d bytes: %d of %d came", each[i], got, sent);
    }
}

static void icmp(void)
{
    int raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    say("raw: %s", res(raw));
    if (raw < 0)
        return;
    struct icmphdr echo = { .type = ICMP_ECHO, .un.echo = { htons(77), htons(1) } };
    unsigned char packet[100];
    unsigned sum = 0;
    for (int i = 0; i < 4; i++)
        sum += ((unsigned short *)&echo)[i];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    echo.checksum = ~sum;
    MUST(connect4(raw, "127.0.0.1", 0));
    MUST(send(raw, &echo, sizeof echo, 0));
    settle();
    long n;
    while ((n = recv(raw, packet, sizeof packet, MSG_DONTWAIT)) > 0) {
        struct icmphdr *answer = (void *)(packet + 20);
        say("%ld bytes, version %x, protocol %d, type %d code %d id %d", n, packet[0], packet[9], answer->type,
            answer->code, ntohs(answer->un.echo.id));
    }
}

int main(void)
{
    own_net();
    along();
    groups();
    sizes();
    icmp();
    return 0;
}
