// /proc/PID/io: bytes and calls of reads and writes, of threads, of children that were waited for.
#include "guest.h"
#include <sys/uio.h>

struct io {
    long rchar, wchar, syscr, syscw;
};

static struct io read_io(const char *path)
{
    char text[512];
    int fd = MUST(open(path, O_RDONLY));
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    struct io io = {-1, -1, -1, -1};
    sscanf(text, "rchar: %ld\nwchar: %ld\nsyscr: %ld\nsyscw: %ld", &io.rchar, &io.wchar, &io.syscr, &io.syscw);
    close(fd);
    return io;
}

static struct io before;
static long own; /* what reading the file itself adds: one call, so many bytes */

static void start(void)
{
    before = read_io("/proc/self/io");
}

static void tell(const char *what)
{
    struct io now = read_io("/proc/self/io");
    /* the read of `start` is counted after it was answered: the size of its answer is not fixed */
    char text[512];
    (void)own;
    snprintf(text, sizeof text, "rchar: %ld\nwchar: %ld\nsyscr: %ld\nsyscw: %ld\nread_bytes: \nwrite_bytes: \n", before.rchar,
             before.wchar, before.syscr, before.syscw);
    say("%s: wchar %ld syscr %ld syscw %ld", what, now.wchar - before.wchar, now.syscr - before.syscr - 1,
        now.syscw - before.syscw);
}

static void *thread(void *arg)
{
    int *pipes = arg;
    write(pipes[1], "12345", 5);
    write(pipes[1], "67", 2);
    struct io all = read_io("/proc/self/io"), mine = read_io("/proc/thread-self/io");
    say("thread: own writes %ld bytes %ld, the process has more: %d", mine.syscw, mine.wchar, all.syscw > mine.syscw);
    return NULL;
}

int main(void)
{
    int p[2];
    char buf[100];
    MUST(pipe(p));
    start();
    write(p[1], "0123456789", 10);
    tell("write");
    start();
    read(p[0], buf, 4);
    tell("read 4");
    start();
    write(p[1], "", 0);
    write(99, "x", 1);
    write(p[1], (void *)8, 1);
    tell("write nothing, bad descriptor, bad address");
    start();
    fcntl(p[0], F_SETFL, O_NONBLOCK);
    read(p[0], buf, 100);
    read(p[0], buf, 100);
    fcntl(p[0], F_SETFL, 0);
    tell("read 6, EAGAIN");
    start();
    struct iovec iov[2] = {{"abc", 3}, {"defg", 4}};
    writev(p[1], iov, 2);
    struct iovec in[2] = {{buf, 2}, {buf + 2, 98}};
    readv(p[0], in, 2);
    tell("writev, readv");
    start();
    pid_t pid = fork();
    if (!pid) {
        struct io io = read_io("/proc/self/io");
        say("child starts with wchar %ld syscw %ld", io.wchar, io.syscw);
        fflush(stdout);
        for (int i = 0; i < 3; i++)
            write(p[1], "1234567", 7);
        _exit(0);
    }
    struct io with = read_io("/proc/self/io");
    wait(NULL);
    struct io after = read_io("/proc/self/io");
    say("child waited for adds at least 3 writes: %d, 21 bytes: %d", after.syscw - with.syscw >= 3,
        after.wchar - with.wchar >= 21);
    pthread_t t;
    pthread_create(&t, NULL, thread, p);
    pthread_join(t, NULL);
    /* a read and a write that sleep */
    start();
    read(p[0], buf, 100);
    if (!(pid = fork())) {
        nanosleep(&(struct timespec){0, 20 * MS}, NULL);
        write(p[1], "late", 4);
        _exit(0);
    }
    start();
    read(p[0], buf, 100);
    tell("read that slept");
    wait(NULL);
    static char big[200000];
    if (!(pid = fork())) {
        long sum = 0, n;
        close(p[1]);
        while ((n = read(p[0], big, sizeof big)) > 0)
            sum += n;
        _exit(0);
    }
    start();
    write(p[1], big, sizeof big);
    tell("write that slept");
    close(p[1]);
    wait(NULL);
    int zero = open("/dev/zero", O_RDONLY), file = memfd_create("x", 0);
    ftruncate(file, 5000);
    start();
    pread(file, buf, 10, 100);
    pwrite(file, buf, 9, 100);
    read(zero, buf, 50);
    tell("pread, pwrite, read");
    return 0;
}
