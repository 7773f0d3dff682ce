// args: 7 1200
// needs: linux-6.18
// timeout: 60
// Random operations on many AF_UNIX sockets of one process, none of which waits: each result is told, with errno, data,
// control messages, what poll and the ioctls say. Arguments: seed, number of operations. Half of them are done without
// urgent data, after which Linux 6.18 counts the bytes in a stream (FIONREAD, SO_INQ) wrongly.
#include "guest.h"
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#define SLOTS 14
#define SIOCATMARK_ 0x8905
#ifndef SO_PEEK_OFF
#define SO_PEEK_OFF 42
#endif
#define SO_PASSRIGHTS_ 83
#define SO_INQ_ 84

static int sock[SLOTS], kind_of[SLOTS];
static unsigned long long state;
static int pipes, urgent;
static char text[70000], room[70000];

static unsigned rnd(unsigned below)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(state >> 33) % below;
}

static const char *const names[] = { "a", "b", "c", "@x", "@y", "@z" };

static socklen_t name(struct sockaddr_un *un, unsigned which)
{
    memset(un, 0, sizeof *un);
    un->sun_family = AF_UNIX;
    if (names[which][0] == '@') {
        memcpy(un->sun_path + 1, names[which] + 1, 1);
        return 2 + 2;
    }
    strcpy(un->sun_path, names[which]);
    return 2 + strlen(names[which]) + rnd(3);
}

static void tell_name(const char *what, int result, struct sockaddr_un *un, socklen_t length)
{
    char shown[30] = "";
    if (result == 0 && length > 2 && length <= 12 && !(un->sun_path[0] == 0 && length == 8))
        snprintf(shown, sizeof shown, "%s%.*s", un->sun_path[0] ? "" : "@", (int)length - 2 - !un->sun_path[0],
                 un->sun_path + !un->sun_path[0]);
    printf("%s %s length %d %s\n", what, outcome(result), result ? 0 : (int)length, shown);
}

static int free_slot(void)
{
    for (int i = 0; i < SLOTS; i++)
        if (sock[i] < 0)
            return i;
    return -1;
}

static void signalled(int number) { pipes += number == SIGPIPE; }

static void send_some(int s)
{
    static const int sizes[] = { 0, 1, 2, 5, 30, 300, 4000, 20000, 60000 };
    int size = sizes[rnd(rnd(4) ? 6 : 9)], flags = MSG_DONTWAIT;
    struct sockaddr_un un;
    char control[CMSG_SPACE(3 * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))] = { 0 };
    struct iovec iov[2] = { { text, size / 3 }, { text + size / 3, size - size / 3 } };
    struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
    size_t used = 0;
    memset(text, 'a' + rnd(26), size);
    for (int i = 0; i < size && i < 26; i++)
        text[i] = 'A' + (i + state) % 26;
    if (urgent && !rnd(6))
        flags |= MSG_OOB;
    if (!rnd(8))
        flags |= MSG_NOSIGNAL;
    if (!rnd(6))
        flags |= MSG_EOR;
    if (kind_of[s] == SOCK_STREAM ? !rnd(20) : rnd(2)) {
        m.msg_name = &un;
        m.msg_namelen = name(&un, rnd(6));
    }
    if (!rnd(6)) {
        struct cmsghdr *c = (struct cmsghdr *)control;
        int count = 1 + rnd(3), *fds = (int *)CMSG_DATA(c);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(count * sizeof(int));
        for (int i = 0; i < count; i++)
            fds[i] = rnd(30) ? 1 : 999; // no sockets: Linux collects cycles of them when it likes
        used = CMSG_SPACE(count * sizeof(int));
    }
    if (!rnd(8)) {
        struct cmsghdr *c = (struct cmsghdr *)(control + used);
        struct ucred who = { rnd(10) ? getpid() : 0, getuid(), getgid() };
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_CREDENTIALS;
        c->cmsg_len = CMSG_LEN(sizeof who);
        memcpy(CMSG_DATA(c), &who, sizeof who);
        used += CMSG_SPACE(sizeof who);
    }
    m.msg_control = used ? control : NULL;
    m.msg_controllen = used;
    int before = pipes;
    long result = sendmsg(sock[s], &m, flags);
    printf("sendmsg %d bytes flags %x control %zu name %d: %ld %s%s\n", size, flags, used, m.msg_namelen, result,
           outcome(result), pipes != before ? " SIGPIPE" : "");
}

static void receive_some(int s)
{
    static const int sizes[] = { 0, 1, 3, 10, 100, 1000, 65000 };
    static const int rooms[] = { 0, 8, 16, 20, 24, 28, 40, 60, 200 };
    int size = sizes[rnd(7)], flags = MSG_DONTWAIT;
    char control[200];
    struct sockaddr_un un = { 0 };
    struct iovec iov[2] = { { room, size / 2 }, { room + size / 2, size - size / 2 } };
    struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2, .msg_control = rnd(4) ? control : NULL };
    m.msg_controllen = m.msg_control ? rooms[rnd(9)] : 0;
    if (rnd(2)) {
        m.msg_name = &un;
        m.msg_namelen = rnd(2) ? sizeof un : 3;
    }
    static const int more[] = { MSG_PEEK, MSG_OOB, MSG_WAITALL, MSG_TRUNC, MSG_CMSG_CLOEXEC };
    for (int i = 0; i < NELEM(more); i++)
        if (!rnd(5))
            flags |= more[i];
    memset(room, '.', 60);
    long result = recvmsg(sock[s], &m, flags);
    printf("recvmsg %d flags %x: %ld %s", size, flags, result, outcome(result));
    if (result < 0) {
        printf("\n");
        return;
    }
    int shown = result > 12 ? 12 : result;
    printf(" %.*s flags %x control %zu name %d", shown > size ? size : shown, room, m.msg_flags, (size_t)m.msg_controllen,
           m.msg_name ? (int)m.msg_namelen : -1);
    if (m.msg_name && m.msg_namelen > 3 && m.msg_namelen != 8)
        printf(" %c%c", un.sun_path[0] ? un.sun_path[0] : '@', un.sun_path[1] ? un.sun_path[1] : '-');
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); m.msg_controllen >= sizeof *c && c; c = CMSG_NXTHDR(&m, c)) {
        printf(" [%d length %d", c->cmsg_type, (int)c->cmsg_len);
        if (c->cmsg_type == SCM_RIGHTS) {
            int count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int), fd;
            for (int i = 0; i < count; i++) {
                memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
                printf(" cloexec %d", fcntl(fd, F_GETFD));
                close(fd);
            }
        } else if (c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len >= CMSG_LEN(sizeof(struct ucred))) {
            struct ucred who;
            memcpy(&who, CMSG_DATA(c), sizeof who);
            printf(" pid %s uid %s", who.pid == getpid() ? "mine" : who.pid ? "other" : "0",
                   who.uid == getuid() ? "mine" : "other");
        } else if (c->cmsg_type == SO_INQ_ && c->cmsg_len >= CMSG_LEN(sizeof(int))) {
            int left;
            memcpy(&left, CMSG_DATA(c), sizeof left);
            printf(" left %d", left);
        }
        printf("]");
    }
    printf("\n");
}

static void look(int s)
{
    struct pollfd p = { sock[s], POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLWRNORM | POLLWRBAND, 0 };
    int in = -1, out = -1, mark = -1;
    poll(&p, 1, 0);
    printf("poll %x", p.revents);
    if (!urgent || kind_of[s] != SOCK_STREAM)
        printf(" inq %s", outcome(ioctl(sock[s], FIONREAD, &in)));
    printf(" outq %s", outcome(ioctl(sock[s], TIOCOUTQ, &out)));
    printf(" mark %s", outcome(ioctl(sock[s], SIOCATMARK_, &mark)));
    printf(" %d %d %d\n", in, out, mark);
}

static void option(int s)
{
    static const struct { int option; const char *name; int most; } set[] = {
        { SO_PASSCRED, "PASSCRED", 2 }, { SO_PEEK_OFF, "PEEK_OFF", 8 }, { SO_PASSRIGHTS_, "PASSRIGHTS", 4 },
        { SO_OOBINLINE, "OOBINLINE", 2 }, { SO_SNDBUF, "SNDBUF", 30000 }, { SO_RCVLOWAT, "RCVLOWAT", 9 }, { SO_INQ_, "INQ", 2 },
    };
    int which = rnd(NELEM(set) - urgent), value = (int)rnd(set[which].most), error = 0, back = -5;
    socklen_t length = sizeof error;
    if (set[which].option == SO_PEEK_OFF)
        value -= 2;
    int result = setsockopt(sock[s], SOL_SOCKET, set[which].option, &value, sizeof value);
    printf("%s %d: %s", set[which].name, value, outcome(result));
    length = sizeof back;
    result = getsockopt(sock[s], SOL_SOCKET, set[which].option, &back, &length);
    printf(" then %s %d", outcome(result), result ? 0 : back);
    length = sizeof error;
    getsockopt(sock[s], SOL_SOCKET, SO_ERROR, &error, &length);
    printf(" error %s\n", err(error));
}

static void make(void)
{
    static const int kinds[] = { SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
    int slot = free_slot(), kind = kinds[rnd(4)], pair[2];
    if (slot < 0)
        return;
    if (rnd(2)) {
        sock[slot] = MUST(socket(AF_UNIX, kind, 0));
        kind_of[slot] = kind;
        return;
    }
    MUST(socketpair(AF_UNIX, kind, 0, pair));
    sock[slot] = pair[0];
    kind_of[slot] = kind;
    if ((slot = free_slot()) < 0) {
        close(pair[1]);
        return;
    }
    sock[slot] = pair[1];
    kind_of[slot] = kind;
}

static void operation(int s)
{
    struct sockaddr_un un;
    socklen_t length;
    int result;
    switch (rnd(20)) {
    case 0:
        length = name(&un, rnd(6));
        printf("bind %s\n", outcome(bind(sock[s], (struct sockaddr *)&un, rnd(10) ? length : 2)));
        break;
    case 1:
        if (!(fcntl(sock[s], F_GETFL) & O_NONBLOCK))
            fcntl(sock[s], F_SETFL, O_NONBLOCK);
        length = name(&un, rnd(6));
        if (!rnd(8))
            un.sun_family = AF_UNSPEC;
        printf("connect %s\n", outcome(connect(sock[s], (struct sockaddr *)&un, length)));
        break;
    case 2:
        printf("listen %s\n", outcome(listen(sock[s], (int)rnd(4))));
        break;
    case 3:
        if (!(fcntl(sock[s], F_GETFL) & O_NONBLOCK))
            fcntl(sock[s], F_SETFL, O_NONBLOCK);
        length = sizeof un;
        result = accept(sock[s], (struct sockaddr *)&un, &length);
        tell_name("accept", result < 0 ? -1 : 0, &un, length);
        if (result >= 0) {
            int slot = free_slot();
            if (slot < 0) {
                close(result);
            } else {
                sock[slot] = result;
                kind_of[slot] = kind_of[s];
            }
        }
        break;
    case 4:
        if (rnd(2))
            break;
        printf("shutdown %s\n", outcome(shutdown(sock[s], (int)rnd(4))));
        break;
    case 5:
        if (rnd(2))
            break;
        printf("close %s\n", outcome(close(sock[s])));
        sock[s] = -1;
        break;
    case 6:
        length = sizeof un;
        result = getsockname(sock[s], (struct sockaddr *)&un, &length);
        tell_name("getsockname", result, &un, length);
        length = sizeof un;
        result = getpeername(sock[s], (struct sockaddr *)&un, &length);
        tell_name("getpeername", result, &un, length);
        break;
    case 7:
    case 8:
        option(s);
        break;
    case 9:
        if (!rnd(3))
            printf("unlink %s\n", outcome(unlink(names[rnd(3)])));
        break;
    case 10:
        make();
        break;
    case 11:
    case 12:
    case 13:
    case 14:
        send_some(s);
        break;
    case 15:
        look(s);
        break;
    default:
        receive_some(s);
    }
}

static void round_of(int count)
{
    for (int i = 0; i < SLOTS; i++)
        sock[i] = -1;
    for (int i = 0; i < 8; i++)
        make();
    for (int i = 0; i < count; i++) {
        int s = (int)rnd(SLOTS);
        if (sock[s] < 0) {
            if (!rnd(4))
                make();
            continue;
        }
        printf("%d %d ", s, kind_of[s]);
        operation(s);
    }
    for (int i = 0; i < SLOTS; i++)
        close(sock[i]);
}

int main(int argc, char **argv)
{
    static char buffer[1 << 16];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    signal(SIGPIPE, signalled);
    state = strtoull(argv[1], NULL, 0) * 977;
    int count = atoi(argv[2]);
    for (urgent = 0; urgent < 2; urgent++)
        round_of(count);
    fflush(stdout);
    return 0;
}
