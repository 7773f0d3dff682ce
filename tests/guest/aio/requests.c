// Linux's asynchronous I/O: contexts, every kind of request, events, eventfds, cancelling, what is refused.
#include "guest.h"
#include <linux/aio_abi.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
static aio_context_t ctx;
static struct io_event ev[8];
static char buf[8192];
static long setup(unsigned n, aio_context_t *c) { return syscall(SYS_io_setup, n, c); }
static long submit(long n, struct iocb **list) { return syscall(SYS_io_submit, ctx, n, list); }
static long events(long least, long most, struct timespec *t) { return syscall(SYS_io_getevents, ctx, least, most, ev, t); }
static struct iocb make(int op, int fd, void *data, size_t n, long long at)
{
    struct iocb cb = { 0 };
    static int number;
    cb.aio_data = 1000 + number++, cb.aio_lio_opcode = op, cb.aio_fildes = fd;
    cb.aio_buf = (uintptr_t)data, cb.aio_nbytes = n, cb.aio_offset = at;
    return cb;
}
static long one(struct iocb *cb)
{
    return submit(1, &cb);
}
static void take(const char *what)
{
    struct timespec now = { 0, 0 };
    long n = events(0, 8, &now);
    say("%s: %ld events", what, n);
    for (int i = 0; i < n; i++)
        say("  data %llu res %lld res2 %lld", ev[i].data, ev[i].res, ev[i].res2);
}
#define ONE(cb) ({ struct iocb cb_ = cb; long r_ = one(&cb_); say("%s: %s", #cb, outcome(r_)); if (r_ == 1) take("  then"); r_; })
static void nothing(int number) { (void)number; }
int main(void)
{
    int file = MUST(open("f", O_CREAT | O_RDWR, 0600)), ro = MUST(open("f", O_RDONLY)), dir = MUST(open(".", O_RDONLY));
    int p[2], efd = MUST(eventfd(0, EFD_NONBLOCK)), app = MUST(open("f", O_WRONLY | O_APPEND));
    MUST(pipe(p));
    aio_context_t bad = 1;
    TRY(setup(0, &ctx));
    TRY(setup(1, &bad));
    TRY(setup(0x10000000, &ctx));
    TRY(setup(1, (void *)8));
    struct iocb *none = NULL, cb, cb2, *list[4];
    TRY(submit(1, &none));
    MUST(setup(16, &ctx));
    TRY(submit(-1, list));
    say("nothing to do %ld", submit(0, list));
    TRY(submit(1, (void *)8));
    TRY(submit(1, &none));
    ONE(make(IOCB_CMD_PWRITE, file, "hello world", 11, 0));
    ONE(make(IOCB_CMD_PREAD, file, buf, 100, 6));
    say("read %.5s", buf);
    ONE(make(IOCB_CMD_PREAD, file, buf, 100, 100));
    ONE(make(IOCB_CMD_PREAD, file, buf, 0, 0));
    ONE(make(IOCB_CMD_PREAD, file, (void *)8, 10, 0));
    ONE(make(IOCB_CMD_PREAD, file, buf, 10, -1));
    ONE(make(IOCB_CMD_PREAD, 99, buf, 10, 0));
    ONE(make(IOCB_CMD_PWRITE, ro, buf, 10, 0));
    ONE(make(IOCB_CMD_PREAD, app, buf, 10, 0));
    ONE(make(IOCB_CMD_PREAD, dir, buf, 10, 0));
    ONE(make(IOCB_CMD_PWRITE, app, "tail", 4, 0));
    ONE(make(99, file, buf, 10, 0));
    ONE(make(IOCB_CMD_NOOP, file, buf, 10, 0));
    struct iovec iov[2] = { { buf, 5 }, { buf + 100, 100 } };
    ONE(make(IOCB_CMD_PREADV, file, iov, 2, 0));
    say("%.5s and %.10s", buf, buf + 100);
    ONE(make(IOCB_CMD_PWRITEV, file, iov, 2, 50));
    ONE(make(IOCB_CMD_PREADV, file, (void *)8, 2, 0));
    ONE(make(IOCB_CMD_PREADV, file, iov, 5000, 0));
    cb = make(IOCB_CMD_FSYNC, file, NULL, 0, 0);
    say("fsync %ld", one(&cb));
    say("its event %ld, res %lld", events(1, 1, NULL), ev[0].res);
    ONE(make(IOCB_CMD_FSYNC, file, buf, 0, 0));
    ONE(make(IOCB_CMD_FDSYNC, p[0], NULL, 0, 0));
    cb = make(IOCB_CMD_PREAD, file, buf, 3, 0), cb.aio_reserved2 = 1;
    TRYAS("reserved", one(&cb));
    cb = make(IOCB_CMD_PREAD, file, buf, 3, 0), cb.aio_rw_flags = 0x4000;
    TRYAS("unknown flag", one(&cb));
    cb = make(IOCB_CMD_PREAD, file, buf, 3, 0), cb.aio_flags = IOCB_FLAG_RESFD, cb.aio_resfd = file;
    TRYAS("no eventfd", one(&cb));
    cb.aio_resfd = 99;
    TRYAS("bad eventfd", one(&cb));
    cb.aio_resfd = efd;
    say("with an eventfd %ld", one(&cb));
    uint64_t count = 0;
    read(efd, &count, 8);
    say("counted %d", (int)count);
    take("its event");
    /* several at once: an error ends the list, and is told if it is the first */
    cb = make(IOCB_CMD_PREAD, file, buf, 3, 0), cb2 = make(IOCB_CMD_PREAD, 99, buf, 3, 0);
    list[0] = list[1] = &cb, list[2] = &cb2, list[3] = &cb;
    say("two of four: %ld", submit(4, list));
    take("two");
    /* pipes, in the order of submitting */
    ONE(make(IOCB_CMD_PWRITE, p[1], "through", 7, 0));
    ONE(make(IOCB_CMD_PREAD, p[0], buf, 100, 0));
    fcntl(p[0], F_SETFL, O_NONBLOCK);
    ONE(make(IOCB_CMD_PREAD, p[0], buf, 100, 0));
    fcntl(p[0], F_SETFL, 0);
    pid_t pid = spawn();
    if (!pid) {
        pause_ms(50);
        write(p[1], "late", 4);
        _exit(0);
    }
    ONE(make(IOCB_CMD_PREAD, p[0], buf, 100, 0));
    waitpid(pid, NULL, 0);
    /* polls */
    ONE(make(IOCB_CMD_POLL, file, (void *)POLLIN, 0, 0));
    ONE(make(IOCB_CMD_POLL, p[0], (void *)(0x10000 | POLLIN), 0, 0));
    ONE(make(IOCB_CMD_POLL, p[0], (void *)POLLIN, 1, 0));
    ONE(make(IOCB_CMD_POLL, p[1], (void *)(POLLIN | POLLOUT), 0, 0));
    cb = make(IOCB_CMD_POLL, p[0], (void *)POLLIN, 0, 0), cb.aio_flags = IOCB_FLAG_RESFD, cb.aio_resfd = efd;
    say("poll %ld", one(&cb));
    take("not ready");
    write(p[1], "x", 1);
    say("ready %ld, res %lld", events(1, 1, NULL), ev[0].res);
    say("eventfd %zd", read(efd, &count, 8));
    read(p[0], buf, 10);
    cb = make(IOCB_CMD_POLL, p[0], (void *)POLLIN, 0, 0);
    one(&cb);
    cb2 = cb;
    TRY(syscall(SYS_io_cancel, ctx, &cb2, ev));
    TRY(syscall(SYS_io_cancel, bad, &cb, ev));
    TRY(syscall(SYS_io_cancel, ctx, (void *)8, ev));
    TRY(syscall(SYS_io_cancel, ctx, &cb, ev));
    say("cancelled %ld, res %lld", events(1, 1, NULL), ev[0].res);
    TRY(syscall(SYS_io_cancel, ctx, &cb, ev));
    /* waiting for events */
    struct timespec zero = { 0, 0 }, soon = { 0, 20 * MS };
    TRY(events(2, 1, NULL));
    TRY(events(-1, 1, NULL));
    say("none %ld %ld", events(1, 1, &zero), events(1, 1, &soon));
    on_signal(SIGALRM, nothing, SA_RESTART);
    ualarm(50000, 0);
    TRY(events(1, 1, NULL));
    cb = make(IOCB_CMD_PREAD, file, buf, 3, 0);
    one(&cb);
    say("one of two in time %ld", events(2, 2, &soon));
    one(&cb);
    TRYAS("bad address", syscall(SYS_io_getevents, ctx, 1, 1, (void *)8, NULL));
    take("lost or not");
    pid = spawn();
    if (!pid) {
        TRYAS("a child has no contexts", one(&cb));
        TRYAS("events", events(0, 1, &zero));
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    sigset_t old = block(SIGSET(SIGUSR1));
    struct { sigset_t *set; size_t size; } sig = { &old, 8 };
    on_signal(SIGUSR1, nothing, 0);
    kill(getpid(), SIGUSR1);
    TRY(syscall(SYS_io_pgetevents, ctx, 1L, 1L, ev, NULL, &sig));
    sig.size = 4;
    TRY(syscall(SYS_io_pgetevents, ctx, 1L, 1L, ev, &zero, &sig));
    /* the end */
    cb = make(IOCB_CMD_POLL, p[0], (void *)POLLIN, 0, 0);
    one(&cb);
    TRY(syscall(SYS_io_destroy, bad));
    TRY(syscall(SYS_io_destroy, ctx));
    TRY(syscall(SYS_io_destroy, ctx));
    TRY(events(0, 1, &zero));
    ctx = 0;
    setup(4, &ctx);
    one(&cb);
    return 0;
}
