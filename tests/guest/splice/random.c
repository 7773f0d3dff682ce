// A long random sequence of splice, tee, vmsplice, reads and writes on pipes and a file: each result is printed as a sum.
// timeout: 30
#include "guest.h"
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
static uint64_t seed = 88172645463325252ULL;
static unsigned rnd(unsigned below)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (seed >> 20) % below;
}
#define PIPES 4
static int p[PIPES][2], file, out;
static char data[200000], buf[200000];
static unsigned size(void)
{
    static const unsigned edges[] = { 1, 3, 100, 4095, 4096, 4097, 8192, 10000, 65536, 70000 };
    return rnd(3) ? 1 + rnd(6000) : edges[rnd(NELEM(edges))];
}
static unsigned hash(const char *text, long n)
{
    unsigned h = 5381;
    for (long i = 0; i < n; i++)
        h = h * 33 + (unsigned char)text[i];
    return h;
}
int main(void)
{
    file = MUST(open("f", O_CREAT | O_RDWR, 0600));
    for (int i = 0; i < (int)sizeof data; i++)
        data[i] = i * 7 + i / 251;
    write(file, data, sizeof data);
    for (int i = 0; i < PIPES; i++)
        MUST(pipe2(p[i], O_NONBLOCK));
    out = MUST(open("out", O_CREAT | O_RDWR, 0600));
    unsigned long sum = 0;
    for (int step = 1; step <= 3000; step++) {
        int a = rnd(PIPES), b = rnd(PIPES);
        unsigned n = size();
        long got = 0;
        unsigned h = 0;
        loff_t at = rnd(sizeof data + 100);
        struct iovec iov[2] = { { data + rnd(5000), n % 5000 }, { data + rnd(100000), n } };
        errno = 0;
        int op = rnd(11);
        switch (op) {
        case 0:
        case 1:
            got = splice(p[a][0], NULL, p[b][1], NULL, n, rnd(16));
            break;
        case 2:
            got = tee(p[a][0], p[b][1], n, rnd(16));
            break;
        case 3:
            got = splice(file, &at, p[a][1], NULL, n, 0);
            break;
        case 4:
            at %= 100000;
            got = splice(p[a][0], NULL, out, &at, n, 0);
            break;
        case 5:
            got = vmsplice(p[a][1], iov, 1 + rnd(2), SPLICE_F_NONBLOCK);
            break;
        case 6:
        case 7:
            got = write(p[a][1], data + rnd(100000), n);
            break;
        case 8:
            got = read(p[a][0], buf, sizeof buf); /* all there is: where a page was read up to is not told */
            h = hash(buf, got);
            break;
        case 9:
            fcntl(p[a][1], F_SETFL, O_NONBLOCK | (rnd(4) ? 0 : O_DIRECT));
            lseek(file, rnd(sizeof data), SEEK_SET);
            got = sendfile(p[b][1], file, NULL, n);
            break;
        case 10:
            got = rnd(4) ? 0 : fcntl(p[a][1], F_SETPIPE_SZ, 4096 << rnd(6));
            break;
        }
        int e = got == -1 ? errno : 0, in[PIPES] = { 0 };
        for (int i = 0; i < PIPES; i++)
            ioctl(p[i][0], FIONREAD, &in[i]);
        sum = sum * 1000003 + (unsigned long)got * 31 + h + e + in[0] + in[1] * 3 + in[2] * 5 + in[3] * 7 + at;
        if (step % 25 == 0)
            say("%d: op %d %ld %s, %d %d %d %d, %016lx", step, op, got, err(e), in[0], in[1], in[2], in[3], sum);
    }
    pread(out, buf, sizeof buf, 0);
    say("file %08x", hash(buf, sizeof buf));
    return 0;
}
