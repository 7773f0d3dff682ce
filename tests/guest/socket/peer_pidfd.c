// SO_PEERPIDFD and SO_PASSPIDFD: a pidfd for who made the other end, and with each message for its sender.
// needs: linux-6.16
#include "guest.h"
#include <sys/socket.h>
#include <sys/un.h>
#define SO_PASSPIDFD 76
#define SO_PEERPIDFD 77
#define SCM_PIDFD 4
static long signal0(int fd) { return syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0); }
static void peer(const char *what, int from)
{
    int fd = -1;
    socklen_t size = sizeof fd;
    if (getsockopt(from, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) == -1) {
        say("%s: %s", what, err(errno));
        return;
    }
    say("%s: size %u, close-on-exec %d, flags %#x, signal %s", what, size, fcntl(fd, F_GETFD), fcntl(fd, F_GETFL),
        outcome(signal0(fd)));
    close(fd);
}
static void receive(int from, size_t room)
{
    char data, space[256];
    struct iovec part = { &data, 1 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = room };
    ssize_t count = MUST(recvmsg(from, &message, MSG_DONTWAIT));
    say("room %zu: %zd byte, flags %#x, control %zu", room, count, message.msg_flags, (size_t)message.msg_controllen);
    for (size_t at = 0; at + sizeof(struct cmsghdr) <= message.msg_controllen;) {
        struct cmsghdr *header = (struct cmsghdr *)(space + at);
        say("  type %d, length %zu", header->cmsg_type, (size_t)header->cmsg_len);
        if (header->cmsg_type != SCM_CREDENTIALS) {
            int fd;
            memcpy(&fd, CMSG_DATA(header), sizeof fd);
            say("  close-on-exec %d%s%s", fcntl(fd, F_GETFD), header->cmsg_type == SCM_PIDFD ? ", signal " : "",
                header->cmsg_type == SCM_PIDFD ? outcome(signal0(fd)) : "");
            close(fd);
        }
        at += CMSG_ALIGN(header->cmsg_len);
    }
}
static void send_descriptor(int to)
{
    char space[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec part = { "x", 1 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_RIGHTS, header->cmsg_len = CMSG_LEN(sizeof(int));
    memset(CMSG_DATA(header), 0, sizeof(int));
    MUST(sendmsg(to, &message, 0));
}
int main(void)
{
    int pair[2], one = 1, value = 9;
    socklen_t size = sizeof value;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    peer("pair", pair[0]);
    int lone = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    peer("not connected", lone);
    TRYAS("set it", setsockopt(lone, SOL_SOCKET, SO_PEERPIDFD, &one, sizeof one));
    MUST(getsockopt(pair[1], SOL_SOCKET, SO_PASSPIDFD, &value, &size));
    say("SO_PASSPIDFD %d", value);
    MUST(setsockopt(pair[1], SOL_SOCKET, SO_PASSPIDFD, &one, sizeof one));
    MUST(getsockopt(pair[1], SOL_SOCKET, SO_PASSPIDFD, &value, &size));
    say("SO_PASSPIDFD %d", value);
    for (int creds = 0; creds < 2; creds++) {
        setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &creds, sizeof creds);
        size_t rooms[] = { 200, 0, 16, 19, 20, 32, 40, 52, 56 };
        for (int i = 0; i < NELEM(rooms); i++) {
            MUST(write(pair[0], "x", 1));
            receive(pair[1], rooms[i]);
        }
    }
    send_descriptor(pair[0]);
    receive(pair[1], 200);
    pid_t pid = spawn();
    if (pid == 0) {
        MUST(write(pair[0], "x", 1));
        _exit(0);
    }
    MUST(waitpid(pid, NULL, 0));
    say("of a sender that is gone");
    receive(pair[1], 200);

    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int server = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), length = sizeof(sa_family_t);
    MUST(bind(server, (struct sockaddr *)&address, length));
    MUST(listen(server, 1));
    size = sizeof address;
    MUST(getsockname(server, (struct sockaddr *)&address, &size));
    pid = spawn();
    if (pid == 0) {
        int client = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
        MUST(connect(client, (struct sockaddr *)&address, size));
        peer("the listener", client);
        _exit(0);
    }
    int accepted = MUST(accept(server, NULL, NULL));
    siginfo_t info;
    MUST(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
    peer("a zombie", accepted);
    MUST(waitpid(pid, NULL, 0));
    peer("one that is gone", accepted);
    return 0;
}
