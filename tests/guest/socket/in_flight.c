// needs: root
// Descriptors in flight: sockets that nobody but their own queues hold are collected, a user's number of them is limited.
#include "guest.h"
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <grp.h>
#include <sys/un.h>

static ssize_t send_fds(int sock, const int *fds, int count)
{
    char control[CMSG_SPACE(200 * sizeof(int))] = { 0 };
    struct iovec iov = { "x", 1 };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control };
    struct cmsghdr *c = (struct cmsghdr *)control;
    m.msg_controllen = CMSG_SPACE(count * sizeof(int));
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(c), fds, count * sizeof(int));
    return sendmsg(sock, &m, MSG_DONTWAIT);
}

static int receive_fd(int sock)
{
    char control[CMSG_SPACE(sizeof(int))], byte;
    struct iovec iov = { &byte, 1 };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    int fd = -1;
    if (recvmsg(sock, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
    return fd;
}

/* Whether all writers of a pipe are gone, for the collector may take its time: it is asked again and again by closing
 * another socket. */
static int ended(int fd, int patience)
{
    char byte;
    for (int i = 0; i < patience; i++) {
        struct pollfd p = { fd, POLLIN, 0 };
        if (poll(&p, 1, 10) == 1)
            return read(fd, &byte, 1) == 0;
        close(MUST(socket(AF_UNIX, SOCK_DGRAM, 0)));
    }
    return 0;
}

static void cycles(void)
{
    int s[2], t[2], p[2], both[2];

    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    MUST(pipe(p));
    both[0] = s[1], both[1] = p[1];
    MUST(send_fds(s[0], both, 2)); /* the receiver in its own queue, and a pipe with it */
    close(p[1]);
    close(s[1]);
    close(s[0]);
    say("itself: the pipe ended %d", ended(p[0], 500));
    close(p[0]);

    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
    MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, t));
    MUST(pipe(p));
    MUST(send_fds(s[0], &t[1], 1));
    both[0] = s[1], both[1] = p[1];
    MUST(send_fds(t[0], both, 2));
    close(p[1]);
    close(s[1]);
    close(t[1]);
    say("each in the other's queue, a sender left: ended %d", ended(p[0], 500));
    close(s[0]);
    close(t[0]);
    close(p[0]);

    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, t));
    MUST(pipe(p));
    both[0] = s[1], both[1] = p[1];
    MUST(send_fds(s[0], both, 2));
    MUST(send_fds(t[0], &s[1], 1)); /* but one more is on its way to somebody who is there */
    close(p[1]);
    close(s[1]);
    say("one within reach: ended %d", ended(p[0], 20));
    int fd = receive_fd(t[1]);
    close(s[0]);
    int again = receive_fd(fd);
    say("received %d and %d", fd >= 0, again >= 0);
    close(fd);
    close(again);
    close(t[0]);
    close(t[1]);
    close(p[0]);

    struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "listener" };
    int l = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), c = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    MUST(bind(l, (struct sockaddr *)&un, sizeof un));
    MUST(listen(l, 1));
    MUST(connect(c, (struct sockaddr *)&un, sizeof un));
    MUST(pipe(p));
    both[0] = l, both[1] = p[1];
    MUST(send_fds(c, both, 2)); /* a listener in the queue of a connection that it has not accepted */
    close(p[1]);
    close(l);
    say("a listener: ended %d", ended(p[0], 500));
    TRYAS("its connection", send(c, "x", 1, MSG_NOSIGNAL));
}

static void limit(void)
{
    struct rlimit few = { 20, 20 };
    int s[2], fds[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    MUST(setrlimit(RLIMIT_NOFILE, &few));
    for (int i = 0; i < 5; i++)
        TRYAS("privileged", send_fds(s[0], fds, 8));
    for (int i = 0; i < 5; i++)
        recv(s[1], fds + 7, 1, 0);
    fds[7] = 1;
    uid_t uid = 100000 + getpid(); /* nobody else, for the number is a user's in the whole machine */
    MUST(setresuid(uid, uid, uid));
    for (int i = 0; i < 4; i++)
        say("eight more: %s", send_fds(s[0], fds, 8) < 0 ? errno == ETOOMANYREFS ? "ETOOMANYREFS" : err(errno) : "ok");
    char byte;
    MUST(recv(s[1], &byte, 1, 0));
    TRYAS("after one was read", send_fds(s[0], fds, 8));
}

static void socket_file(void)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "named" };
    struct stat st;
    int s = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
    TRYAS("SIOCUNIXFILE without a name", ioctl(s, 0x89e0));
    MUST(fchmod(s, 0640));
    umask(022);
    MUST(bind(s, (struct sockaddr *)&un, sizeof un));
    int fd = MUST(ioctl(s, 0x89e0));
    MUST(fstat(fd, &st));
    say("the socket's file: mode %o, O_PATH %d, cloexec %d", st.st_mode, !!(fcntl(fd, F_GETFL) & O_PATH),
        fcntl(fd, F_GETFD));
    gid_t groups[70];
    socklen_t length = sizeof groups;
    int pair[2];
    gid_t mine[] = { 5, 7, 70000 };
    MUST(setgroups(3, mine));
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    MUST(setgroups(0, mine));
    int result = getsockopt(pair[0], SOL_SOCKET, 59, groups, &length);
    say("SO_PEERGROUPS %s length %d: %d %d %d", outcome(result), (int)length, groups[0], groups[1], groups[2]);
    length = 8;
    TRYAS("with little room", getsockopt(pair[0], SOL_SOCKET, 59, groups, &length));
    say("it tells %d", (int)length);
    length = sizeof groups;
    say("without a peer: %s", getsockopt(s, SOL_SOCKET, 59, groups, &length) < 0 && errno == ENODATA ? "ENODATA" : "?");
}

int main(void)
{
    cycles();
    if (!MUST(fork())) {
        limit();
        _exit(0);
    }
    MUST(wait(NULL));
    socket_file();
    return 0;
}
