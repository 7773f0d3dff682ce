// Datagrams keep their boundaries; descriptors and credentials travel with messages.
#include "guest.h"
#include <sys/socket.h>

static ssize_t send_fd(int sock, int fd, const char *text)
{
    char control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec iov = { (void *)text, strlen(text) };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    return sendmsg(sock, &m, 0);
}

static int receive(int sock, int flags)
{
    char control[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))], text[50];
    struct iovec iov = { text, sizeof text };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    ssize_t n = recvmsg(sock, &m, flags);
    int fd = -1;
    say("recvmsg %zd %.*s flags %x", n, n < 0 ? 0 : (int)n, text, m.msg_flags);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_type == SCM_RIGHTS) {
            memcpy(&fd, CMSG_DATA(c), sizeof fd);
            say("a descriptor, cloexec %d", fcntl(fd, F_GETFD));
        } else {
            struct ucred who;
            memcpy(&who, CMSG_DATA(c), sizeof who);
            say("credentials: parent %d, same user %d", who.pid == getppid(), who.uid == getuid());
        }
    }
    return fd;
}

int main(void)
{
    static const int kinds[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
    for (int i = 0; i < NELEM(kinds); i++) {
        int s[2], p[2];
        char buffer[20];
        say("kind %d", kinds[i]);
        MUST(socketpair(AF_UNIX, kinds[i], 0, s));
        MUST(write(s[0], "first", 5));
        MUST(write(s[0], "second", 6));
        ssize_t n = recv(s[1], buffer, 3, MSG_TRUNC);
        say("%zd %.3s", n, buffer);
        n = recv(s[1], buffer, 20, 0);
        say("%zd %.*s", n, (int)n, buffer);
        recv(s[1], buffer, 20, MSG_DONTWAIT);
        MUST(pipe(p));
        MUST(send_fd(s[0], p[1], "take it"));
        close(p[1]);
        int one = 1;
        MUST(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof one));
        fflush(NULL);
        pid_t child = MUST(fork());
        if (!child) {
            int fd = receive(s[1], MSG_CMSG_CLOEXEC);
            write(fd, "through", 7);
            _exit(0);
        }
        MUST(waitpid(child, NULL, 0));
        n = read(p[0], buffer, 20);
        say("%zd %.7s, then %zd", n, buffer, read(p[0], buffer, 1));
        TRYAS("a closed descriptor", send_fd(s[0], 77, "x"));
        MUST(send_fd(s[0], p[0], "dropped"));
        say("plain read %zd", read(s[1], buffer, 20));
        MUST(send_fd(s[0], p[0], "left behind"));
        close(s[0]);
        close(s[1]);
        close(p[0]);
    }
    TRY(socket(AF_UNIX, 9, 0) == -1 && errno == ESOCKTNOSUPPORT ? 0 : -1);
    TRY(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)8));
    return 0;
}
