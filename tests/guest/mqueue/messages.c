// POSIX message queues: names, attributes, priorities, limits, each errno, what poll, stat and read say.
// needs: root linux-6.9
#include "../sysv.h"
#include <mqueue.h>
static char name[32], other[32];
static long raw_open(const char *n, int flags, int mode, struct mq_attr *attr) { return syscall(SYS_mq_open, n, flags, mode, attr); }
static void attributes(mqd_t q)
{
    struct mq_attr a;
    if (mq_getattr(q, &a) == -1)
        say("attributes: %s", erri(errno));
    else
        say("flags %#lx max %ld size %ld now %ld", a.mq_flags, a.mq_maxmsg, a.mq_msgsize, a.mq_curmsgs);
}
static void receive(mqd_t q, size_t size)
{
    static char text[70000];
    unsigned prio = 99;
    ssize_t n = mq_receive(q, text, size, &prio);
    if (n == -1)
        say("receive: %s", erri(errno));
    else
        say("received %zd bytes, priority %u: %.*s", n, prio, n > 20 ? 20 : (int)n, text);
}
static void ready(mqd_t q)
{
    struct pollfd p = { q, POLLIN | POLLOUT, 0 };
    int n = poll(&p, 1, 0);
    say("poll %d:%s%s", n, p.revents & POLLIN ? " IN" : "", p.revents & POLLOUT ? " OUT" : "");
}
int main(void)
{
    MUST(unshare(CLONE_NEWIPC));
    snprintf(name, sizeof name, "fk%d", getpid());
    snprintf(other, sizeof other, "other%d", getpid());
    TRYI(raw_open(name, O_RDWR, 0600, NULL));
    struct mq_attr a = { .mq_maxmsg = 3, .mq_msgsize = 8 };
    umask(027);
    mqd_t q = MUST(raw_open(name, O_RDWR | O_CREAT | O_EXCL, 0666, &a));
    YES(fcntl(q, F_GETFD) == FD_CLOEXEC);
    say("flags %#x", fcntl(q, F_GETFL) & ~0100000);
    attributes(q);
    struct stat st;
    MUST(fstat(q, &st));
    say("mode %o size %ld links %d", st.st_mode, (long)st.st_size, (int)st.st_nlink);
    ready(q);
    TRYI(raw_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL));
    TRYI(raw_open(name, O_RDWR | O_WRONLY, 0600, NULL));
    TRYI(raw_open("", O_RDWR, 0600, NULL));
    TRYI(raw_open("a/b", O_RDWR, 0600, NULL));
    TRYI(raw_open(".", O_RDWR, 0600, NULL));
    char longname[300];
    memset(longname, 'x', sizeof longname);
    longname[256] = 0;
    TRYI(raw_open(longname, O_RDWR, 0600, NULL));
    TRYI(raw_open((void *)8, O_RDWR, 0600, NULL));
    TRYI(raw_open(other, O_RDWR | O_CREAT, 0600, (void *)8));
    const long sizes[][2] = { { 0, 8 }, { 8, 0 }, { -1, 8 }, { 8, -1 }, { 65537, 8 }, { 8, 16777217 }, { 65536, 16 }, { 10, 8192 }, { 11, 8192 } };
    pid_t pid = spawn(); // without CAP_SYS_RESOURCE, which some hosts take from root
    for (int i = 0; pid == 0 && i < NELEM(sizes); i++) {
        if (i == 0)
            MUST(setuid(1000));
        struct mq_attr b = { .mq_maxmsg = sizes[i][0], .mq_msgsize = sizes[i][1] };
        long fd = raw_open(other, O_RDWR | O_CREAT, 0600, &b);
        say("%ld messages of %ld: %s", sizes[i][0], sizes[i][1], outcome(fd));
        if (fd != -1) {
            close(fd);
            syscall(SYS_mq_unlink, other);
        }
    }
    if (pid == 0)
        _exit(0);
    reap(pid, "sizes");
    // priorities
    TRYI(mq_send(q, "low", 3, 1));
    TRYI(mq_send(q, "high", 4, 7));
    TRYI(mq_send(q, "high2", 5, 7));
    attributes(q);
    ready(q);
    char text[128] = "";
    ssize_t n = read(q, text, sizeof text);
    say("%zd: %s", n, text);
    struct mq_attr nonblock = { .mq_flags = O_NONBLOCK }, wrong = { .mq_flags = O_APPEND }, old;
    TRYI(mq_setattr(q, &nonblock, &old));
    TRYI(mq_setattr(q, &wrong, &old));
    attributes(q);
    TRYI(mq_send(q, "full", 4, 1));
    receive(q, 8);
    receive(q, 100);
    receive(q, 7);
    receive(q, 8);
    receive(q, 8);
    TRYI(mq_send(q, "", 0, 32767));
    TRYI(mq_send(q, "", 0, 32768));
    TRYI(mq_send(q, "123456789", 9, 0));
    TRYI(mq_send(q, (void *)8, 4, 0));
    TRYI(mq_send(0, "x", 1, 0));
    TRYI(mq_send(99, "x", 1, 0));
    receive(q, 8);
    TRYI(mq_receive(0, text, 8, NULL));
    TRYI(mq_receive(99, text, 8, NULL));
    MUST(mq_send(q, "lost", 4, 0));
    TRYI(mq_receive(q, (void *)8, 8, NULL));
    attributes(q);
    TRYI(write(q, "x", 1));
    TRYI(mq_getattr(0, &old));
    // time-outs are absolute
    nonblock.mq_flags = 0;
    MUST(mq_setattr(q, &nonblock, NULL));
    struct timespec past = { 1, 0 }, bad = { 1, 1000000000 }, negative = { -1, 0 }, soon;
    TRYI(mq_timedreceive(q, text, 8, NULL, &past));
    TRYI(mq_timedreceive(q, text, 8, NULL, &bad));
    TRYI(mq_timedreceive(q, text, 8, NULL, &negative));
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 20 * MS;
    soon.tv_sec += soon.tv_nsec / 1000000000;
    soon.tv_nsec %= 1000000000;
    TRYI(mq_timedreceive(q, text, 8, NULL, &soon));
    clock_gettime(CLOCK_REALTIME, &past);
    YES(past.tv_sec > soon.tv_sec || (past.tv_sec == soon.tv_sec && past.tv_nsec >= soon.tv_nsec));
    for (int i = 0; i < 3; i++)
        MUST(mq_send(q, "x", 1, 0));
    TRYI(mq_timedsend(q, "x", 1, 0, &soon));
    TRYI(mq_timedsend(q, "x", 1, 0, &bad));
    // access
    mqd_t r = MUST(raw_open(name, O_RDONLY, 0, NULL)), w = MUST(raw_open(name, O_WRONLY | O_NONBLOCK, 0, NULL));
    TRYI(mq_send(r, "x", 1, 0));
    TRYI(mq_receive(w, text, 8, NULL));
    TRYI(mq_send(w, "x", 1, 0));
    attributes(w);
    pid = spawn();
    if (pid == 0) {
        MUST(setgid(1000));
        MUST(syscall(SYS_setgroups, 0, NULL));
        MUST(setuid(1000));
        TRYI(raw_open(name, O_RDONLY, 0, NULL));
        TRYI(syscall(SYS_mq_unlink, name));
        struct mq_attr many = { .mq_maxmsg = 11, .mq_msgsize = 8 }, large = { .mq_maxmsg = 1, .mq_msgsize = 8193 };
        TRYI(raw_open(other, O_RDWR | O_CREAT, 0600, &many));
        TRYI(raw_open(other, O_RDWR | O_CREAT, 0600, &large));
        struct rlimit limit = { 1000, 1000 };
        MUST(setrlimit(RLIMIT_MSGQUEUE, &limit));
        for (int size = 850; size < 1000; size++) { // what a message counts for beside its text
            struct mq_attr one = { .mq_maxmsg = 1, .mq_msgsize = size };
            long fd = raw_open(other, O_RDWR | O_CREAT, 0600, &one);
            if (fd == -1) {
                say("%d bytes: %s", size, err(errno));
                break;
            }
            close(fd);
            MUST(syscall(SYS_mq_unlink, other));
        }
        _exit(0);
    }
    reap(pid, "user");
    // unlinked: the descriptors go on
    TRYI(syscall(SYS_mq_unlink, name));
    TRYI(syscall(SYS_mq_unlink, name));
    TRYI(syscall(SYS_mq_unlink, "a/b"));
    TRYI(syscall(SYS_mq_unlink, ""));
    TRYI(raw_open(name, O_RDWR, 0, NULL));
    receive(q, 8);
    MUST(fstat(q, &st));
    say("links %d", (int)st.st_nlink);
    // a namespace of its own
    mqd_t here = MUST(raw_open(other, O_RDWR | O_CREAT, 0600, NULL));
    attributes(here);
    pid = spawn();
    if (pid == 0) {
        MUST(unshare(CLONE_NEWIPC));
        TRYI(raw_open(other, O_RDWR, 0, NULL));
        TRYI(mq_send(here, "through", 7, 3));
        _exit(0);
    }
    reap(pid, "elsewhere");
    receive(here, 8192);
    MUST(syscall(SYS_mq_unlink, other));
    return 0;
}
