// needs: root
// Netlink sockets themselves: ports, groups, acknowledgements, cut messages, who may do what; in a network namespace of
// its own.
#include "guest.h"
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

static int open_one(int protocol)
{
    return socket(AF_NETLINK, SOCK_RAW, protocol);
}

static void say_name(const char *what, int s)
{
    struct sockaddr_nl nl;
    socklen_t length = sizeof nl;
    MUST(getsockname(s, (struct sockaddr *)&nl, &length));
    say("%s: family %d, port %s, groups %x, length %d", what, nl.nl_family,
        nl.nl_pid == (unsigned)getpid() ? "the process" : nl.nl_pid > 0x80000000u ? "another" : nl.nl_pid ? "?" : "0",
        nl.nl_groups, (int)length);
}

static void answers(int s)
{
    char buffer[9000];
    struct sockaddr_nl from;
    socklen_t length = sizeof from;
    ssize_t n;
    while ((n = recvfrom(s, buffer, sizeof buffer, MSG_DONTWAIT, (struct sockaddr *)&from, &length)) >= 0) {
        say("%zd bytes? from %u groups %x", n > 100 ? (ssize_t)100 : n, from.nl_pid, from.nl_groups);
        for (struct nlmsghdr *h = (struct nlmsghdr *)buffer; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
            struct nlmsgerr *e = NLMSG_DATA(h);
            if (h->nlmsg_type == NLMSG_ERROR)
                say(" error %s flags %x length %u of a %d", err(-e->error), h->nlmsg_flags, h->nlmsg_len, e->msg.nlmsg_type);
            else if (h->nlmsg_type == RTM_NEWLINK) {
                struct ifinfomsg *i = NLMSG_DATA(h);
                say(" link %d type %d flags %x, message flags %x seq %u", i->ifi_index, i->ifi_type, i->ifi_flags,
                    h->nlmsg_flags, h->nlmsg_seq);
            } else if (h->nlmsg_type == RTM_NEWADDR) {
                struct ifaddrmsg *i = NLMSG_DATA(h);
                say(" address of family %d /%d scope %d flags %x", i->ifa_family, i->ifa_prefixlen, i->ifa_scope, i->ifa_flags);
            } else if (h->nlmsg_type == NLMSG_DONE)
                say(" done, flags %x, seq %u, to %d", h->nlmsg_flags, h->nlmsg_seq, h->nlmsg_pid == (unsigned)getpid());
            else if (h->nlmsg_type == RTM_NEWROUTE) {
                struct rtmsg *r = NLMSG_DATA(h);
                say(" route of family %d /%d table %d type %d scope %d", r->rtm_family, r->rtm_dst_len, r->rtm_table,
                    r->rtm_type, r->rtm_scope);
            } else
                say(" message %d", h->nlmsg_type);
        }
    }
    say("then %s", err(errno));
}

static long request(int s, int type, int flags, int index, int up, int more)
{
    struct { struct nlmsghdr h; struct ifinfomsg i; char rest[16]; } r = { 0 };
    r.h.nlmsg_len = NLMSG_LENGTH(sizeof r.i) + more;
    r.h.nlmsg_type = type;
    r.h.nlmsg_flags = flags;
    r.h.nlmsg_seq = 77;
    r.i.ifi_index = index;
    if (up >= 0) {
        r.i.ifi_change = 1;
        r.i.ifi_flags = up;
    }
    return send(s, &r, r.h.nlmsg_len, 0);
}

int main(void)
{
    MUST(unshare(CLONE_NEWNET));
    static const int bad[] = { -1, 1, 22, 31, 32, 1000 };
    for (int i = 0; i < NELEM(bad); i++)
        TRYAS("a protocol", open_one(bad[i]));
    TRYAS("a stream", socket(AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE));

    int a = MUST(open_one(NETLINK_ROUTE)), b = MUST(open_one(NETLINK_ROUTE)), one = 1, value;
    struct sockaddr_nl nl = { .nl_family = AF_NETLINK };
    socklen_t length = sizeof value;
    say_name("new", a);
    MUST(bind(a, (struct sockaddr *)&nl, sizeof nl));
    say_name("bound", a);
    MUST(bind(b, (struct sockaddr *)&nl, sizeof nl));
    say_name("the second one", b);
    nl.nl_pid = 4711;
    TRYAS("bind again", bind(b, (struct sockaddr *)&nl, sizeof nl));
    TRYAS("a short address", bind(b, (struct sockaddr *)&nl, 8));
    nl.nl_pid = getpid();
    int c = MUST(open_one(NETLINK_ROUTE));
    say("a port that is taken: %s", bind(c, (struct sockaddr *)&nl, sizeof nl) < 0 && errno == EADDRINUSE ? "EADDRINUSE" : "?");
    close(c);

    MUST(request(a, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 0, -1, 0));
    answers(a);
    MUST(request(a, RTM_GETLINK, NLM_F_REQUEST, 1, -1, 0));
    answers(a);
    MUST(request(a, RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, 9, -1, 0));
    answers(a);
    MUST(request(a, RTM_GETLINK, 0, 1, -1, 0));
    MUST(request(a, 3, NLM_F_REQUEST | NLM_F_ACK, 1, -1, 0));
    answers(a);
    MUST(request(a, 127, NLM_F_REQUEST, 1, -1, 0));
    answers(a);
    MUST(setsockopt(a, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one));
    MUST(request(a, 127, NLM_F_REQUEST, 1, -1, 0));
    answers(a);

    /* what changes is told to the group */
    value = RTNLGRP_LINK;
    MUST(setsockopt(b, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &value, sizeof value));
    value = RTNLGRP_IPV4_IFADDR;
    MUST(setsockopt(b, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &value, sizeof value));
    say_name("a member", b);
    value = 0;
    TRYAS("group 0", setsockopt(b, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &value, sizeof value));
    MUST(request(a, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 1, 0));
    answers(a);
    answers(b);
    MUST(request(a, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, 0, -1, 0));
    answers(a);
    MUST(request(a, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, 0, -1, 0));
    answers(a);
    MUST(request(a, RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, 0, -1, 0));
    answers(a);

    /* cut, peeked at */
    char small[16];
    struct iovec iov = { small, sizeof small };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
    MUST(request(a, RTM_GETLINK, NLM_F_REQUEST, 9, -1, 0));
    say("peek %zd", recvmsg(a, &m, MSG_PEEK));
    say("flags %x", m.msg_flags);
    say("peek with MSG_TRUNC %zd", recvmsg(a, &m, MSG_PEEK | MSG_TRUNC));
    say("taken %zd", recvmsg(a, &m, 0));
    answers(a);

    /* options */
    TRYAS("an option that there is not", setsockopt(a, SOL_NETLINK, 99, &one, sizeof one));
    MUST(getsockopt(a, SOL_NETLINK, NETLINK_CAP_ACK, &value, &length));
    say("NETLINK_CAP_ACK %d", value);
    TRYAS("nothing at all", send(a, "", 0, 0));
    nl.nl_pid = 12345;
    say("to nobody: %s", sendto(a, "x", 1, 0, (struct sockaddr *)&nl, sizeof nl) < 0 && errno == ECONNREFUSED ? "ECONNREFUSED" : "?");

    /* from one program to another */
    int u = MUST(open_one(NETLINK_USERSOCK)), v = MUST(open_one(NETLINK_USERSOCK));
    nl.nl_pid = 1001;
    MUST(bind(u, (struct sockaddr *)&nl, sizeof nl));
    nl.nl_pid = 1002;
    nl.nl_groups = 4;
    MUST(bind(v, (struct sockaddr *)&nl, sizeof nl));
    nl.nl_groups = 0;
    say("sent %zd", sendto(u, "hello", 5, 0, (struct sockaddr *)&nl, sizeof nl));
    nl.nl_pid = 0;
    nl.nl_groups = 4;
    say("to a group %zd", sendto(u, "group", 5, 0, (struct sockaddr *)&nl, sizeof nl));
    for (int i = 0; i < 3; i++) {
        length = sizeof nl;
        ssize_t n = recvfrom(v, small, sizeof small, MSG_DONTWAIT, (struct sockaddr *)&nl, &length);
        say("received %zd %.*s from %d groups %x", n, n < 0 ? 0 : (int)n, small, nl.nl_pid, nl.nl_groups);
    }

    fflush(NULL);
    if (!MUST(fork())) {
        MUST(setresuid(4321, 4321, 4321));
        int n = MUST(open_one(NETLINK_ROUTE));
        MUST(request(n, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0, 0));
        answers(n);
        MUST(request(n, RTM_GETLINK, NLM_F_REQUEST, 1, -1, 0));
        answers(n);
        nl = (struct sockaddr_nl){ .nl_family = AF_NETLINK, .nl_pid = 1001 };
        TRYAS("to another process", sendto(n, "x", 1, 0, (struct sockaddr *)&nl, sizeof nl));
        _exit(0);
    }
    wait(NULL);
    return 0;
}
