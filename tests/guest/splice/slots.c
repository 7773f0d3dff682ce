// Slots of a pipe: which splice, tee, vmsplice and write take, what a full pipe and readers that leave mean.
#include "guest.h"
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
static char data[300000], back[300000];
static int bytes_in(int fd)
{
    int n = -1;
    ioctl(fd, FIONREAD, &n);
    return n;
}
/* How many single bytes the pipe still takes, each in a slot of its own (packet mode). */
static int room(int *p)
{
    int n = 0;
    fcntl(p[1], F_SETFL, O_NONBLOCK | O_DIRECT);
    while (write(p[1], "x", 1) == 1)
        n++;
    fcntl(p[1], F_SETFL, 0);
    return n;
}
static void drain(int *p)
{
    fcntl(p[0], F_SETFL, O_NONBLOCK);
    while (read(p[0], back, sizeof back) > 0)
        ;
    fcntl(p[0], F_SETFL, 0);
}
static void fill(int *p, const char *what)
{
    int held = bytes_in(p[0]);
    say("%s: %d bytes, room for %d", what, held, room(p));
    drain(p);
}
int main(void)
{
    int p[2], q[2], file = MUST(open("f", O_CREAT | O_RDWR, 0600));
    for (int i = 0; i < (int)sizeof data; i++)
        data[i] = 'a' + i % 23;
    write(file, data, sizeof data);
    MUST(pipe(p)), MUST(pipe(q));
    signal(SIGPIPE, SIG_IGN);
    loff_t at;
    fill(p, "empty");
    at = 0;
    say("aligned %zd", splice(file, &at, p[1], NULL, 10000, 0)), fill(p, "10000 at 0");
    at = 100;
    say("not aligned %zd", splice(file, &at, p[1], NULL, 5000, 0)), fill(p, "5000 at 100");
    at = 4095;
    say("two bytes %zd", splice(file, &at, p[1], NULL, 2, 0)), fill(p, "2 at 4095");
    at = 1;
    say("all %zd", splice(file, &at, p[1], NULL, 300000, 0)), fill(p, "300000 at 1");
    at = 0;
    say("all %zd to %d", splice(file, &at, p[1], NULL, 300000, 0), (int)at);
    TRYAS("full", splice(file, &at, p[1], NULL, 1, SPLICE_F_NONBLOCK));
    TRYAS("full, sendfile", (fcntl(p[1], F_SETFL, O_NONBLOCK), sendfile(p[1], file, NULL, 1)));
    fcntl(p[1], F_SETFL, 0);
    fill(p, "full");
    at = 299990;
    say("end %zd", splice(file, &at, p[1], NULL, 100, 0));
    say("beyond %zd", splice(file, &at, p[1], NULL, 100, 0));
    write(p[1], "abc", 3), fill(p, "a write after a splice");
    write(p[1], "abc", 3), write(p[1], "abc", 3), fill(p, "two writes");
    lseek(file, 0, SEEK_SET);
    say("sendfile %zd", sendfile(p[1], file, NULL, 300000));
    say("offset %d", (int)lseek(file, 0, SEEK_CUR)), fill(p, "sendfile");

    /* pipe to pipe: whole slots move, a part of one leaves the rest */
    write(p[1], data, 6000);
    say("part %zd", splice(p[0], NULL, q[1], NULL, 1000, 0));
    fill(q, "1000 of 6000");
    say("rest %zd", splice(p[0], NULL, q[1], NULL, 10000, 0));
    write(q[1], "abc", 3), fill(q, "rest and a write");
    write(p[1], "abc", 3);
    say("whole %zd", splice(p[0], NULL, q[1], NULL, 3, 0));
    write(q[1], "def", 3), fill(q, "moved, then written");
    write(p[1], "abcdef", 6);
    say("tee %zd %zd", tee(p[0], q[1], 4, 0), tee(p[0], q[1], 100, 0));
    write(q[1], "ghi", 3), fill(q, "tee and a write");
    write(p[1], "ghi", 3), fill(p, "still there");
    fcntl(q[1], F_SETPIPE_SZ, 4096);
    write(p[1], data, 20000);
    say("into one slot %zd", splice(p[0], NULL, q[1], NULL, 20000, 0));
    TRYAS("full", splice(p[0], NULL, q[1], NULL, 20000, SPLICE_F_NONBLOCK));
    TRYAS("full tee", tee(p[0], q[1], 20000, SPLICE_F_NONBLOCK));
    drain(q), drain(p);
    fcntl(q[1], F_SETPIPE_SZ, 65536);

    /* packets */
    fcntl(p[1], F_SETFL, O_DIRECT);
    write(p[1], "one", 3), write(p[1], "three", 5), write(p[1], "seven..", 7);
    fcntl(p[1], F_SETFL, 0);
    say("packets %zd", splice(p[0], NULL, q[1], NULL, 5, 0));
    say("%zd %zd", read(q[0], back, 100), read(q[0], back, 100));
    say("rest %zd %zd", read(p[0], back, 100), read(p[0], back, 100));
    fcntl(p[1], F_SETFL, O_DIRECT);
    write(p[1], "packet", 6);
    fcntl(p[1], F_SETFL, 0);
    say("tee %zd", tee(p[0], q[1], 100, 0));
    say("read 2: %zd, then ", read(q[0], back, 2));
    say("%d in the copy, %d in the first", bytes_in(q[0]), bytes_in(p[0]));
    drain(p), drain(q);

    /* vmsplice */
    struct iovec iov[3] = { { data, 4096 }, { data + 5000, 10 }, { data + 4096, 8192 } };
    say("vmsplice %zd", vmsplice(p[1], iov, 3, SPLICE_F_MORE));
    int held = bytes_in(p[0]);
    say("%d bytes", held);
    read(p[0], back, sizeof back);
    say("same %d", !memcmp(back, data, 4096) && !memcmp(back + 4096, data + 5000, 10));
    struct iovec all = { data, sizeof data };
    fcntl(p[1], F_SETPIPE_SZ, 8192);
    char *aligned = (char *)(((uintptr_t)data + 4095) & ~4095UL);
    all.iov_base = aligned, all.iov_len = 100000;
    say("more than fits %zd", vmsplice(p[1], &all, 1, 0));
    TRYAS("full", vmsplice(p[1], &all, 1, SPLICE_F_NONBLOCK));
    struct iovec into[2] = { { back, 5000 }, { back + 5000, 1000 } };
    say("out %zd", vmsplice(p[0], into, 2, 0));
    say("same %d, left %d", !memcmp(back, aligned, 6000), bytes_in(p[0]));
    drain(p);

    /* pipe to file */
    int out = MUST(open("out", O_CREAT | O_RDWR | O_TRUNC, 0600));
    write(p[1], data, 8000);
    at = 3;
    say("to file %zd, offset %d, own %d", splice(p[0], NULL, out, &at, 100, 0), (int)at, (int)lseek(out, 0, SEEK_CUR));
    say("to file %zd, own %d", splice(p[0], NULL, out, NULL, 100000, 0), (int)lseek(out, 0, SEEK_CUR));
    struct stat st;
    fstat(out, &st);
    say("size %d", (int)st.st_size);
    pread(out, back, 7900, 0);
    say("same %d", !memcmp(back, data + 100, 7900));

    /* the other end is gone */
    close(p[1]);
    say("no writers: splice %zd tee %zd", splice(p[0], NULL, q[1], NULL, 10, 0), tee(p[0], q[1], 10, 0));
    say("to a file %zd", splice(p[0], NULL, out, NULL, 10, 0));
    struct iovec one = { back, 10 };
    say("vmsplice %zd", vmsplice(p[0], &one, 1, 0));
    close(q[0]);
    pipe(p);
    write(p[1], "x", 1);
    TRYAS("no readers: splice", splice(p[0], NULL, q[1], NULL, 10, 0));
    TRYAS("tee", tee(p[0], q[1], 10, 0));
    at = 0;
    TRYAS("from a file", splice(file, &at, q[1], NULL, 10, 0));
    TRYAS("vmsplice", vmsplice(q[1], &one, 1, 0));
    TRYAS("sendfile", sendfile(q[1], file, NULL, 10));
    return 0;
}
