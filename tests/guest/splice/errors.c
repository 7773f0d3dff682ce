// What splice, tee, vmsplice, sendfile and copy_file_range refuse.
#include "guest.h"
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/eventfd.h>
int main(void)
{
    int p[2], q[2], s[2];
    pipe(p), pipe(q), socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    int file = MUST(open("f", O_CREAT | O_RDWR, 0600)), ro = MUST(open("f", O_RDONLY));
    int wo = MUST(open("f", O_WRONLY)), app = MUST(open("f", O_WRONLY | O_APPEND)), dir = MUST(open(".", O_RDONLY));
    int null = MUST(open("/dev/null", O_RDWR)), zero = MUST(open("/dev/zero", O_RDWR)), ev = eventfd(3, 0);
    int full = MUST(open("/dev/full", O_RDWR));
    char page[4096];
    memset(page, 'x', sizeof page);
    write(file, page, 4096);
    lseek(file, 0, SEEK_SET);
    loff_t at = 0, neg = -1, big = LLONG_MAX;
    struct iovec iov = { page, 100 }, bad = { (void *)8, 100 };
    TRY(splice(p[0], NULL, q[1], NULL, 0, 0));
    TRY(splice(p[0], NULL, q[1], NULL, 0, 16));
    TRY(splice(p[0], NULL, q[1], NULL, 1, 16));
    TRY(splice(99, NULL, q[1], NULL, 1, 0));
    TRY(splice(p[0], NULL, 99, NULL, 1, 0));
    TRY(splice(p[0], NULL, q[1], NULL, 1, SPLICE_F_NONBLOCK));
    TRY(splice(p[1], NULL, q[1], NULL, 1, SPLICE_F_NONBLOCK));
    TRY(splice(p[0], NULL, q[0], NULL, 1, SPLICE_F_NONBLOCK));
    TRY(splice(p[0], NULL, p[1], NULL, 1, SPLICE_F_NONBLOCK));
    TRY(splice(p[0], &at, file, NULL, 1, SPLICE_F_NONBLOCK));
    TRY(splice(file, NULL, p[1], &at, 1, SPLICE_F_NONBLOCK));
    TRY(splice(file, NULL, null, NULL, 1, 0));
    TRY(splice(file, (loff_t *)8, p[1], NULL, 1, 0));
    TRY(splice(file, &neg, p[1], NULL, 1, 0));
    TRY(splice(file, &big, p[1], NULL, 1, 0));
    TRY(splice(wo, NULL, p[1], NULL, 1, 0));
    TRY(splice(dir, NULL, p[1], NULL, 1, 0));
    TRY(splice(ev, NULL, p[1], NULL, 8, 0));
    TRY(splice(null, NULL, p[1], NULL, 8, 0));
    TRY(splice(s[0], &at, p[1], NULL, 8, 0));
    TRY(splice(s[0], NULL, p[1], NULL, 8, SPLICE_F_NONBLOCK));
    write(p[1], "0123456789", 10);
    TRY(splice(p[0], NULL, ro, NULL, 1, 0));
    TRY(splice(p[0], NULL, app, NULL, 1, 0));
    TRY(splice(p[0], NULL, ev, NULL, 1, 0));
    TRY(splice(p[0], NULL, full, NULL, 1, 0));
    TRY(splice(p[0], NULL, file, &neg, 1, 0));
    TRY(splice(p[0], NULL, s[0], &at, 1, 0));
    TRY(splice(p[0], NULL, dir, NULL, 1, 0));
    say("null %zd", splice(p[0], NULL, null, NULL, 4, 0));
    say("null with an offset %zd", splice(p[0], NULL, null, &at, 2, 0));
    at = 0;
    say("zero %zd", splice(zero, NULL, q[1], NULL, 5000, 0));
    say("left %zd", read(p[0], page, 100));

    TRY(tee(p[0], q[1], 0, 0));
    TRY(tee(p[0], q[1], 0, 16));
    TRY(tee(99, q[1], 1, 0));
    TRY(tee(p[0], q[1], 1, SPLICE_F_NONBLOCK));
    TRY(tee(p[0], p[1], 1, SPLICE_F_NONBLOCK));
    TRY(tee(file, q[1], 1, SPLICE_F_NONBLOCK));
    TRY(tee(p[1], q[1], 1, SPLICE_F_NONBLOCK));
    TRY(tee(p[0], q[0], 1, SPLICE_F_NONBLOCK));

    TRY(vmsplice(99, &iov, 1, 0));
    TRY(vmsplice(file, &iov, 1, 0));
    TRY(vmsplice(ro, &iov, 1, 0));
    TRY(vmsplice(p[1], &iov, 1, 32));
    TRY(vmsplice(p[1], &iov, 0, 0));
    TRY(vmsplice(file, &iov, 0, 0));
    TRY(vmsplice(p[1], &iov, 1025, 0));
    TRY(vmsplice(p[1], &bad, 1, 0));
    TRY(vmsplice(p[1], (struct iovec *)8, 1, 0));
    TRY(vmsplice(p[0], &iov, 1, SPLICE_F_NONBLOCK));
    say("in %zd", vmsplice(p[1], &iov, 1, 0));
    TRY(vmsplice(p[0], &bad, 1, 0));
    say("out %zd", vmsplice(p[0], &iov, 1, 0));

    off_t o = 0, n = -1;
    TRY(sendfile(null, file, &n, 1));
    TRY(sendfile(null, s[0], &o, 1));
    TRY(sendfile(null, s[0], NULL, 1));
    TRY(sendfile(file, dir, NULL, 1));
    TRY(sendfile(app, file, NULL, 1));
    TRY(sendfile(ro, file, NULL, 1));
    TRY(sendfile(null, wo, NULL, 1));
    TRY(sendfile(null, p[0], NULL, 1));
    TRY(sendfile(ev, file, NULL, 8));
    TRY(sendfile(null, file, (off_t *)8, 8));
    say("zero to null %zd", sendfile(null, zero, NULL, 100000));

    loff_t a = 0, b = 2000, c = 5000;
    TRY(copy_file_range(file, &a, file, &b, 3000, 0));
    say("%zd", copy_file_range(file, &c, file, &b, 3000, 0));
    TRY(copy_file_range(file, &a, file, &b, 10, 1));
    TRY(copy_file_range(file, &neg, file, &b, 10, 0));
    TRY(copy_file_range(file, &big, file, &b, 10, 0));
    TRY(copy_file_range(file, &a, file, &neg, 10, 0));
    TRY(copy_file_range(file, &a, p[1], NULL, 10, 0));
    TRY(copy_file_range(file, &a, dir, NULL, 10, 0));
    TRY(copy_file_range(file, &a, app, NULL, 10, 0));
    TRY(copy_file_range(file, &a, ro, NULL, 10, 0));
    TRY(copy_file_range(wo, &a, file, NULL, 10, 0));
    TRY(copy_file_range(99, &a, file, NULL, 10, 0));
    TRY(copy_file_range(file, (loff_t *)8, file, NULL, 10, 0));
    b = 4096;
    say("%zd", copy_file_range(file, &a, file, &b, 100000, 0));
    say("a %d b %d", (int)a, (int)b);
    return 0;
}
