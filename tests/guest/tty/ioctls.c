// Requests that only ask, or change one thing, at both ends of a pair.
// needs: root
#include "tty.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

struct request {
    const char *name;
    unsigned long number;
    int size; // of the answer, 0 for none
};

#define R(name, size) {#name, name, size}
static const struct request requests[] = {
    R(FIONREAD, 4), R(TIOCOUTQ, 4), R(TIOCGETD, 4), R(TIOCGWINSZ, 8), {"TIOCGDEV", 0x80045432, 0}, {"TIOCGEXCL", 0x80045440, 4},
    {"TIOCGPKT", 0x80045438, 4}, {"TIOCGPTLCK", 0x80045439, 4}, {"TIOCGPTN", 0x80045430, 0}, {"TIOCGSOFTCAR", 0x5419, 4},
    {"TIOCGLCKTRMIOS", 0x5456, 36}, {"TCGETS", 0x5401, 36}, {"TCGETS2", 0x802c542a, 44}, {"TCGETA", 0x5405, 17},
    {"TIOCMGET", 0x5415, 4}, {"TIOCMSET", 0x5418, 0}, {"TIOCGSERIAL", 0x541e, 0}, {"TIOCGICOUNT", 0x545d, 0},
    {"TIOCGRS485", 0x542e, 0}, {"TCGETX", 0x5432, 0}, {"TIOCGPGRP", 0x540f, 4}, {"TIOCGSID", 0x5429, 4},
    {"TIOCNOTTY", 0x5422, 0}, {"TIOCSBRK", 0x5427, 0}, {"TIOCCBRK", 0x5428, 0}, {"unknown", 0x54ff, 0},
};

static void ask(const char *end, int fd) {
    for (unsigned i = 0; i < sizeof requests / sizeof *requests; i++) {
        unsigned char answer[128] = {0};
        int result = ioctl(fd, requests[i].number, answer);
        printf("%s %s ", end, requests[i].name);
        show("", answer, result ? -1 : requests[i].size);
        result = ioctl(fd, requests[i].number, (void *)8);
        printf("  without memory: %s\n", result < 0 ? strerror(errno) : "fine");
    }
}

static void say(const char *what, int result) { printf("%s: %s\n", what, result < 0 ? strerror(errno) : "fine"); }

static void flush_and_flow(int fd) {
    for (int i = -1; i < 5; i++) {
        printf("TCFLSH %d: %s, ", i, ioctl(fd, TCFLSH, i) ? strerror(errno) : "fine");
        printf("TCXONC %d: %s\n", i, ioctl(fd, TCXONC, i) ? strerror(errno) : "fine");
    }
    drain("sent by it", fd == master ? slave : master);
    say("tcdrain", tcdrain(fd));
    say("tcsendbreak", tcsendbreak(fd, 0));
    say("TCSBRKP", ioctl(fd, 0x5425, 3));
}

static void discipline(int fd) {
    int wanted[] = {0, 5, 1000, -1};
    for (int i = 0; i < 4; i++)
        say("TIOCSETD", ioctl(fd, TIOCSETD, wanted + i));
}

static void speeds(void) {
    unsigned char data[44];
    struct termios t;
    tcgetattr(slave, &t);
    cfsetospeed(&t, B9600);
    cfsetispeed(&t, B300);
    t.c_cflag |= CLOCAL | PARENB;
    t.c_cflag &= ~(CREAD | CSIZE);
    say("tcsetattr", tcsetattr(slave, TCSADRAIN, &t));
    ioctl(slave, 0x802c542a, data);
    show("TCGETS2", data, sizeof data);
    data[8] = (data[8] & ~0x0f); // BOTHER
    data[9] |= 0x10;
    data[11] = 0x10;
    memcpy(data + 36, "\x39\x30\0\0\xd2\x04\0\0", 8);
    say("TCSETS2", ioctl(slave, 0x402c542b, data));
    memset(data, 0, sizeof data);
    ioctl(slave, 0x802c542a, data);
    show("TCGETS2", data, sizeof data);
    memset(data, 0, sizeof data);
    ioctl(slave, 0x5405, data);
    data[0] = 0, data[8] = 7, data[9] = 'x';
    say("TCSETA", ioctl(slave, 0x5406, data));
    say("TCSETAW", ioctl(slave, 0x5407, data));
    say("TCSETAF", ioctl(slave, 0x5408, data));
    ioctl(slave, 0x802c542a, data);
    show("TCGETS2", data, sizeof data);
    int off = 0, on = 1, now;
    ioctl(slave, 0x541a, &off);
    ioctl(slave, 0x5419, &now);
    printf("soft carrier %d", now);
    ioctl(slave, 0x541a, &on);
    ioctl(slave, 0x5419, &now);
    printf(" %d\n", now);
}

static void locked(void) {
    struct kernel_termios lock = {.lflag = ECHO | ICANON, .cc = {[VEOF] = 1}}, t;
    say("TIOCSLCKTRMIOS", ioctl(slave, 0x5457, &lock));
    modes(0, 0, ISIG);
    key(VEOF, 'e');
    key(VKILL, 'k');
    ioctl(slave, K_TCGETS, &t);
    printf("locked: iflag %o lflag %o eof %d kill %d\n", t.iflag, t.lflag, t.cc[VEOF], t.cc[VKILL]);
    if (!fork()) {
        if (setresuid(65534, 65534, 65534))
            _exit(1);
        say("TIOCSLCKTRMIOS by nobody", ioctl(slave, 0x5457, &lock));
        say("TIOCSTI by nobody", ioctl(slave, TIOCSTI, "x"));
        say("TIOCCONS by nobody", ioctl(slave, TIOCCONS));
        say("TIOCVHANGUP by nobody", ioctl(slave, 0x5437));
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
}

static void exclusive(void) {
    int now;
    say("TIOCEXCL", ioctl(slave, TIOCEXCL));
    ioctl(slave, 0x80045440, &now);
    int fd = open(slave_name(master), O_RDWR | O_NOCTTY);
    printf("exclusive %d, root opens it: %s\n", now, fd < 0 ? strerror(errno) : "fine");
    close(fd);
    fflush(stdout);
    chmod(slave_name(master), 0666);
    if (!fork()) {
        if (setresuid(65534, 65534, 65534))
            _exit(1);
        fd = open(slave_name(master), O_RDWR | O_NOCTTY);
        printf("nobody opens it: %s\n", fd < 0 ? strerror(errno) : "fine");
        ioctl(slave, TIOCNXCL);
        fd = open(slave_name(master), O_RDWR | O_NOCTTY);
        printf("after TIOCNXCL: %s\n", fd < 0 ? strerror(errno) : "fine");
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
}

static void peer(void) {
    struct stat by_name, by_peer;
    int fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    say("TIOCGPTPEER", fd);
    fstat(fd, &by_peer);
    stat(slave_name(master), &by_name);
    printf("same %d, close-on-exec %d, flags %o\n", by_name.st_ino == by_peer.st_ino && by_name.st_rdev == by_peer.st_rdev,
           fcntl(fd, F_GETFD), fcntl(fd, F_GETFL) & ~(0100000 | O_CLOEXEC));
    char path[64] = {0}, link[64] = {0};
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (readlink(path, link, sizeof link - 1) > 0)
        printf("its name is right: %d\n", !strcmp(link, slave_name(master)));
    say("on the slave", ioctl(slave, TIOCGPTPEER, O_RDWR));
    close(fd);
}

static void as_files(void) {
    struct stat st;
    fstat(slave, &st);
    printf("slave %o, major %u\n", st.st_mode & S_IFMT, (unsigned)(st.st_rdev >> 8 & 0xfff));
    fstat(master, &st);
    printf("master %o, device %x\n", st.st_mode & S_IFMT, (unsigned)st.st_rdev);
    say("lseek", lseek(slave, 0, SEEK_SET));
    say("pread", pread(slave, &st, 1, 0));
    say("pwrite", pwrite(master, &st, 1, 0));
    say("fsync", fsync(slave));
    say("ftruncate", ftruncate(slave, 0));
    say("read of nothing", read(slave, &st, 0));
    say("write of nothing", write(slave, &st, 0));
    int reader = open(slave_name(master), O_RDONLY | O_NOCTTY | O_NONBLOCK);
    int writer = open(slave_name(master), O_WRONLY | O_NOCTTY | O_NONBLOCK);
    say("write to a reader", write(reader, "x", 1));
    say("read from a writer", read(writer, &st, 1));
    say("write without memory", write(writer, (void *)8, 1));
    type("ab\n");
    say("read without memory", read(reader, (void *)8, 10));
    read_once("then", reader, 10);
    close(reader);
    close(writer);
}

int main(void) {
    setsid();
    setvbuf(stdout, NULL, _IOLBF, 0);
    open_pair(O_NONBLOCK);
    ask("slave", slave);
    ask("master", master);
    flush_and_flow(slave);
    flush_and_flow(master);
    discipline(slave);
    peer();
    as_files();
    speeds();
    locked();
    exclusive();
    return 0;
}
