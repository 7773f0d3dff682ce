// Packet mode: what the master is told, and in which order.
// needs: root
#include "tty.h"

static void look(const char *what) {
    struct pollfd p = {master, POLLIN | POLLPRI | POLLOUT, 0};
    poll(&p, 1, 0);
    printf("%s: poll %x\n", what, p.revents);
}

int main(void) {
    int on = 1, off = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    open_pair(O_NONBLOCK);
    modes(ICRNL | IXON, OPOST, ICANON | ECHO | ISIG);
    printf("on the slave: %s\n", ioctl(slave, TIOCPKT, &on) ? strerror(errno) : "fine");
    if (write(slave, "before", 6) < 0)
        return 1;
    ioctl(master, TIOCPKT, &on);
    look("data from before");
    read_once("read", master, 100);
    read_once("nothing", master, 100);
    if (write(slave, "abc", 3) < 0)
        return 1;
    read_once("one byte", master, 1);
    read_once("two bytes", master, 2);
    read_once("the rest", master, 100);
    tcflush(slave, TCIFLUSH);
    look("TCIFLUSH");
    read_once("status", master, 100);
    tcflush(slave, TCOFLUSH);
    read_once("TCOFLUSH", master, 100);
    tcflush(slave, TCIOFLUSH);
    read_once("TCIOFLUSH", master, 100);
    tcflow(slave, TCOOFF);
    look("TCOOFF");
    read_once("status", master, 100);
    tcflow(slave, TCOON);
    read_once("TCOON", master, 100);
    type("\023");
    read_once("^S", master, 100);
    type("\021");
    read_once("^Q", master, 100);
    tcflow(slave, TCOOFF);
    tcflow(slave, TCOON);
    read_once("both", master, 100);
    modes(ICRNL, OPOST, ICANON | ECHO | ISIG);
    read_once("no IXON", master, 100);
    modes(ICRNL | IXON, OPOST, ICANON | ECHO | ISIG);
    read_once("IXON", master, 100);
    key(VSTOP, 'x');
    read_once("another key", master, 100);
    key(VSTOP, 023);
    read_once("^S again", master, 100);
    modes(ICRNL | IXON, OPOST, ICANON | ECHO | ISIG | EXTPROC);
    read_once("EXTPROC", master, 100);
    modes(ICRNL | IXON, OPOST, ICANON | ISIG | EXTPROC);
    read_once("a change", master, 100);
    type("as it is\004\003\r");
    drain("the slave reads", slave);
    type("\004");
    read_once("an EOF alone", slave, 10);
    read_once("after it", slave, 10);
    modes(ICRNL | IXON, OPOST, ICANON | ECHO | ISIG);
    read_once("no EXTPROC", master, 100);
    type("\003");
    read_once("^C", master, 100);
    read_once("its echo", master, 100);
    tcflush(master, TCIFLUSH);
    read_once("the master flushes", master, 100);
    tcflush(slave, TCIFLUSH);
    if (write(slave, "data", 4) < 0)
        return 1;
    read_once("status goes first", master, 100);
    read_once("then data", master, 100);
    tcflush(slave, TCIFLUSH);
    ioctl(master, TIOCPKT, &off);
    look("off");
    read_once("nothing", master, 100);
    ioctl(master, TIOCPKT, &on);
    read_once("on again", master, 100);
    return 0;
}
