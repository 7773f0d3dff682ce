// Pseudo-terminal pairs for the programs of tests/guest/tty.
#ifndef TTY_H
#define TTY_H
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

struct kernel_termios {
    unsigned iflag, oflag, cflag, lflag;
    unsigned char line, cc[19];
};

#define K_TCGETS 0x5401
#define K_TCSETS 0x5402
#define K_TCSETSF 0x5404

static int master, slave;

static char *slave_name(int fd) {
    static char name[32];
    unsigned number = 0;
    ioctl(fd, TIOCGPTN, &number);
    snprintf(name, sizeof name, "/dev/pts/%u", number);
    return name;
}

static void open_pair(int flags) {
    int zero = 0;
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY | flags);
    ioctl(master, TIOCSPTLCK, &zero);
    slave = open(slave_name(master), O_RDWR | O_NOCTTY | flags);
    if (master < 0 || slave < 0) {
        printf("no pair: %s\n", strerror(errno));
        exit(1);
    }
}

static void close_pair(void) {
    close(slave);
    close(master);
}

// Set the slave's modes; c_cflag stays.
static void modes(unsigned iflag, unsigned oflag, unsigned lflag) {
    struct kernel_termios t;
    ioctl(slave, K_TCGETS, &t);
    t.iflag = iflag;
    t.oflag = oflag;
    t.lflag = lflag;
    ioctl(slave, K_TCSETS, &t);
}

static void key(int place, int value) {
    struct kernel_termios t;
    ioctl(slave, K_TCGETS, &t);
    t.cc[place] = value;
    ioctl(slave, K_TCSETS, &t);
}

static void show(const char *what, const unsigned char *data, long count) {
    printf("%s ", what);
    if (count < 0)
        printf("%s", strerror(errno));
    else
        putchar('"');
    for (long i = 0; i < count; i++)
        if (data[i] < 32 || data[i] > 126 || data[i] == '\\' || data[i] == '"')
            printf("\\%02x", data[i]);
        else
            putchar(data[i]);
    puts(count < 0 ? "" : "\"");
}

// Type at the terminal, at once: TIOCSTI needs no worker of the kernel's.
static void type_n(const char *keys, int count) {
    for (int i = 0; i < count; i++)
        if (ioctl(slave, TIOCSTI, keys + i))
            printf("TIOCSTI: %s\n", strerror(errno));
}

static void type(const char *keys) { type_n(keys, strlen(keys)); }

// All that there is to be read from a descriptor that does not block; EAGAIN comes only when all has arrived.
static void drain(const char *what, int fd) {
    unsigned char data[65536];
    long total = 0, count;
    while (total < (long)sizeof data && (count = read(fd, data + total, sizeof data - total)) > 0)
        total += count;
    show(what, data, total);
}

static void read_once(const char *what, int fd, int size) {
    unsigned char data[8192];
    show(what, data, read(fd, data, size));
}
#endif
