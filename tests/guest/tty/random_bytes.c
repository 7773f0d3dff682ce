// Random modes, keys, reads and writes: one checksum a case. With a third argument all that happens is printed.
// args: 1 120
// needs: root
// timeout: 60
#include "tty.h"

static uint32_t state, crc;
static int verbose;

static unsigned rnd(unsigned below) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % below;
}

static void note(const void *data, long count) {
    const unsigned char *p = data;
    for (long i = 0; i < count; i++)
        for (int bit = crc ^= p[i], k = 0; k < 8; k++, (void)bit)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
}

static void tell(const char *what, const unsigned char *data, long count) {
    int error = count < 0 ? errno : 0;
    note(&error, sizeof error);
    note(&count, sizeof count);
    note(data, count);
    errno = error;
    if (verbose)
        show(what, data, count);
}

static unsigned subset(const unsigned *bits, int count, int percent) {
    unsigned all = 0;
    for (int i = 0; i < count; i++)
        if ((int)rnd(100) < percent)
            all |= bits[i];
    return all;
}

#define COUNT(a) ((int)(sizeof a / sizeof *a))

static void random_modes(void) {
    static const unsigned ibits[] = {ISTRIP, INLCR, IGNCR, ICRNL, IUCLC, IXON, IXANY, PARMRK, IMAXBEL, IUTF8};
    static const unsigned obits[] = {OLCUC, ONLCR, OCRNL, ONOCR, ONLRET, XTABS};
    static const unsigned lbits[] = {ECHOE, ECHOK, ECHONL, NOFLSH, ECHOCTL, ECHOKE, IEXTEN, ISIG};
    static const int keys[] = {VEOL, VEOL2, VERASE, VWERASE, VKILL, VEOF, VINTR, VLNEXT, VREPRINT, VSTART, VSTOP};
    struct kernel_termios t;
    ioctl(slave, K_TCGETS, &t);
    t.iflag = subset(ibits, COUNT(ibits), 30);
    t.oflag = subset(obits, COUNT(obits), 35) | (rnd(4) ? OPOST : 0);
    t.lflag = subset(lbits, COUNT(lbits), 60) | (rnd(5) ? ICANON : 0) | (rnd(5) ? ECHO : 0) | (rnd(5) ? 0 : ECHOPRT);
    if (!rnd(20))
        t.lflag |= EXTPROC;
    if (!rnd(4))
        t.cc[keys[rnd(COUNT(keys))]] = rnd(3) ? 'a' + rnd(6) : rnd(256);
    t.cc[VMIN] = rnd(2);
    t.cc[VTIME] = 0;
    if (verbose)
        printf("modes %o %o %o\n", t.iflag, t.oflag, t.lflag);
    ioctl(slave, rnd(6) ? K_TCSETS : K_TCSETSF, &t);
    ioctl(slave, K_TCGETS, &t);
    tell("termios", (unsigned char *)&t, sizeof t);
}

static int random_bytes(unsigned char *data, int most) {
    static const char special[] = "\003\004\010\021\022\023\025\026\027\032\034\177\r\n\t\n\t\177\004\n";
    static const char text[] = "abcdefgABC xyz_.,09\t";
    int count = 1 + rnd(most);
    for (int i = 0; i < count; i++)
        switch (rnd(10)) {
        case 0:
        case 1:
        case 2:
            data[i] = special[rnd(sizeof special - 1)];
            break;
        case 3:
            data[i] = rnd(256);
            break;
        case 4:
            data[i] = rnd(2) ? 0xc3 : 0x80 + rnd(64);
            break;
        default:
            data[i] = text[rnd(sizeof text - 1)];
        }
    return count;
}

static void drain_to(const char *what, int fd) {
    unsigned char data[16384];
    long total = 0, count;
    while (total < (long)sizeof data && (count = read(fd, data + total, sizeof data - total)) > 0)
        total += count;
    tell(what, data, total);
}

static void step(void) {
    unsigned char data[4096];
    int count, value = -1;
    struct pollfd look = {slave, POLLIN | POLLOUT | POLLPRI, 0};
    switch (rnd(12)) {
    case 0:
        random_modes();
        break;
    case 1:
    case 2:
        count = random_bytes(data, 30);
        if (verbose)
            show("write", data, count);
        tell("written", data, write(slave, data, count) > 0 ? count : -1);
        break;
    case 3:
    case 4:
        tell("read", data, read(slave, data, 1 + rnd(rnd(3) ? 40 : 3)));
        break;
    case 5:
        ioctl(slave, FIONREAD, &value);
        tell("queued", (unsigned char *)&value, sizeof value);
        break;
    case 6:
        poll(&look, 1, 0);
        tell("poll", (unsigned char *)&look.revents, sizeof look.revents);
        break;
    case 7:
        value = rnd(16);
        if (verbose)
            printf("%s %d\n", value < 4 ? "flush" : "flow", value % 4);
        if (value < 4)
            ioctl(slave, TCFLSH, value % 3);
        else if (value < 8)
            ioctl(slave, TCXONC, value % 4);
        break;
    default:
        count = random_bytes(data, 24);
        if (verbose)
            show("type", data, count);
        for (int i = 0; i < count; i++) {
            ioctl(slave, TIOCSTI, data + i);
            drain_to("echo", master); // what is not read yet might be lost to the next ^C, or not
        }
    }
    drain_to("echo", master);
}

int main(int argc, char **argv) {
    unsigned seed = atoi(argv[1]), cases = atoi(argv[2]);
    verbose = argc > 3;
    for (unsigned i = 0; i < cases; i++) {
        if (verbose && atoi(argv[3]) >= 0 && atoi(argv[3]) != (int)i)
            continue;
        state = (seed * 1000 + i) * 2654435761u | 1;
        crc = 0xffffffff;
        open_pair(O_NONBLOCK);
        random_modes();
        for (int k = 0; k < 25; k++)
            step();
        type("\n");
        ioctl(slave, TCXONC, TCOON);
        drain_to("rest", slave);
        drain_to("echo", master);
        close_pair();
        printf("%08x%c", crc, i % 8 == 7 ? '\n' : ' ');
    }
    return 0;
}
