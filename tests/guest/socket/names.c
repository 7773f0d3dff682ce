// Listening and connecting by path and by abstract name; what each step refuses.
#include "guest.h"
#include <sys/socket.h>
#include <sys/un.h>

static socklen_t name(struct sockaddr_un *a, const char *path, int length)
{
    memset(a, 0, sizeof *a);
    a->sun_family = AF_UNIX;
    memcpy(a->sun_path, path, length);
    return offsetof(struct sockaddr_un, sun_path) + length;
}
#define SOCKADDR(a) ((struct sockaddr *)&(a))

int main(void)
{
    struct sockaddr_un file, abstract, none, found;
    socklen_t file_len = name(&file, "here.sock", 10), abstract_len = name(&abstract, "\0guest-test", 11);
    socklen_t none_len = name(&none, "nothing", 8), len;
    char buffer[10];
    unlink("here.sock");
    int s = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), c = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    TRY(listen(s, 1));
    TRY(accept(s, NULL, NULL));
    TRY(read(s, buffer, 1));
    MUST(bind(s, SOCKADDR(file), file_len));
    TRY(bind(s, SOCKADDR(abstract), abstract_len));
    TRY(bind(c, SOCKADDR(file), file_len));
    struct stat st;
    MUST(stat("here.sock", &st));
    YES(S_ISSOCK(st.st_mode));
    TRYAS("open the socket file", open("here.sock", O_RDWR));
    say("not listening: %d", connect(c, SOCKADDR(file), file_len) == -1 && errno == ECONNREFUSED);
    TRY(connect(c, SOCKADDR(none), none_len));
    MUST(listen(s, 0));
    MUST(connect(c, SOCKADDR(file), file_len));
    int another = MUST(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    TRYAS("queue full", connect(another, SOCKADDR(file), file_len));
    len = sizeof found;
    int end = MUST(accept4(s, SOCKADDR(found), &len, SOCK_CLOEXEC));
    say("twice: %d", connect(c, SOCKADDR(file), file_len) == -1 && errno == EISCONN);
    say("client has no name: %d", (int)len);
    len = sizeof found;
    MUST(getpeername(c, SOCKADDR(found), &len));
    say("server is %s, %d", found.sun_path, (int)len);
    struct ucred who;
    len = sizeof who;
    MUST(getsockopt(end, SOL_SOCKET, SO_PEERCRED, &who, &len));
    YES(who.pid == getpid());
    MUST(write(c, "ask", 3));
    MUST(read(end, buffer, 3));
    say("%.3s", buffer);
    pid_t child = MUST(fork());
    if (!child) {
        int d = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
        usleep(20000);
        MUST(connect(d, SOCKADDR(abstract), abstract_len));
        write(d, "child", 5);
        _exit(0);
    }
    int t = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    MUST(bind(t, SOCKADDR(abstract), abstract_len));
    MUST(listen(t, 5));
    int from_child = MUST(accept(t, NULL, NULL));
    ssize_t n = read(from_child, buffer, 10);
    say("%zd %.5s", n, buffer);
    MUST(waitpid(child, NULL, 0));
    close(t);
    YES(connect(another, SOCKADDR(abstract), abstract_len) == -1 && errno == ECONNREFUSED);
    close(s);
    YES(connect(another, SOCKADDR(file), file_len) == -1 && errno == ECONNREFUSED);
    unlink("here.sock");
    TRY(connect(another, SOCKADDR(file), file_len));
    TRY(listen(0, 1));
    TRY(listen(99, 1));
    return 0;
}
