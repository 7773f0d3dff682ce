// splice, tee and vmsplice that have to wait: for data, for room, and what ends the wait.
#include "guest.h"
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
static void nothing(int number) { (void)number; }
static int p[2], q[2];
static void fresh(void)
{
    MUST(pipe(p)), MUST(pipe(q));
}
static void done(void)
{
    close(p[0]), close(p[1]), close(q[0]), close(q[1]);
}
int main(void)
{
    char buf[70000] = "";
    on_signal(SIGALRM, nothing, 0);
    int status;
    /* data comes */
    fresh();
    pid_t pid = spawn();
    if (!pid)
        _exit(splice(p[0], NULL, q[1], NULL, 100, 0));
    until_state(pid, 'S');
    write(p[1], "hello", 5);
    reap(pid, "splice waits for data");
    say("%zd", read(q[0], buf, 100));
    pid = spawn();
    if (!pid)
        _exit(tee(p[0], q[1], 100, 0));
    until_state(pid, 'S');
    write(p[1], "hello", 5);
    reap(pid, "tee waits for data");
    say("%zd %zd", read(q[0], buf, 100), read(p[0], buf, 100));
    /* room comes */
    fcntl(q[1], F_SETPIPE_SZ, 4096);
    write(q[1], buf, 4096), write(p[1], "hello", 5);
    pid = spawn();
    if (!pid)
        _exit(splice(p[0], NULL, q[1], NULL, 100, 0));
    until_state(pid, 'S');
    read(q[0], buf, 4096);
    reap(pid, "splice waits for room");
    say("%zd", read(q[0], buf, 100));
    write(q[1], buf, 4096);
    pid = spawn();
    if (!pid) {
        struct iovec iov = { buf, 50 };
        _exit(vmsplice(q[1], &iov, 1, 0));
    }
    until_state(pid, 'S');
    read(q[0], buf, 4096);
    reap(pid, "vmsplice waits for room");
    say("%zd", read(q[0], buf, 100));
    pid = spawn();
    if (!pid) {
        struct iovec iov = { buf, 50 };
        _exit(vmsplice(q[0], &iov, 1, 0));
    }
    until_state(pid, 'S');
    write(q[1], "12345", 5);
    reap(pid, "vmsplice waits for data");
    /* the other end goes */
    pid = spawn();
    if (!pid) {
        close(p[1]);
        _exit(40 + splice(p[0], NULL, q[1], NULL, 100, 0));
    }
    until_state(pid, 'S');
    close(p[1]);
    reap(pid, "writers go");
    done(), fresh();
    /* a signal, with and without SA_RESTART */
    pid = spawn();
    if (!pid) {
        alarm(1);
        ssize_t n = splice(p[0], NULL, q[1], NULL, 100, 0);
        say("interrupted: %zd %s", n, err(errno));
        on_signal(SIGALRM, nothing, SA_RESTART);
        alarm(1);
        n = splice(p[0], NULL, q[1], NULL, 100, 0);
        say("restarted: %zd", n);
        _exit(0);
    }
    pause_ms(2500);
    write(p[1], "late", 4);
    waitpid(pid, &status, 0);
    /* a socket with no room: what does not fit stays in the pipe, what was waited for is written */
    int s[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    fcntl(s[0], F_SETFL, O_NONBLOCK);
    while (write(s[0], buf, sizeof buf) > 0)
        ;
    fcntl(s[0], F_SETFL, 0);
    read(q[0], buf, sizeof buf);
    write(p[1], "into the socket", 15);
    pid = spawn();
    if (!pid)
        _exit(splice(p[0], NULL, s[0], NULL, 15, 0));
    until_state(pid, 'S');
    close(s[0]);
    long total = 0;
    ssize_t n;
    char last[16] = "", *tail = buf;
    while ((n = read(s[1], buf, sizeof buf)) > 0) {
        total += n;
        tail = buf + n - 15;
        memcpy(last, tail, 15);
    }
    reap(pid, "to a socket");
    say("last: %s", last);
    /* from a socket */
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    pid = spawn();
    if (!pid)
        _exit(splice(s[1], NULL, p[1], NULL, 100, 0));
    until_state(pid, 'S');
    write(s[0], "from the socket", 15);
    reap(pid, "from a socket");
    say("%zd", read(p[0], buf, 100));
    return 0;
}
