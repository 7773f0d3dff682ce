// Lines as long as the buffer and longer; what a read of a part leaves; EOF, EOL, EOL2.
// needs: root
#include "tty.h"

static void queued(const char *what) {
    int count = -1;
    ioctl(slave, FIONREAD, &count);
    printf("%s: %d queued\n", what, count);
}

static void long_line(int length, const char *end) {
    char data[6000];
    for (int i = 0; i < length; i++)
        data[i] = 'a' + i % 26;
    open_pair(O_NONBLOCK);
    modes(ICRNL, 0, ICANON);
    type_n(data, length);
    queued("before its end");
    type(end);
    queued("after it");
    unsigned char got[8192];
    long count = read(slave, got, sizeof got);
    printf("%d: read %ld", length, count);
    if (count > 2)
        show(", its end", got + count - 3, 3);
    drain("rest", slave);
    close_pair();
}

static void parts(void) {
    open_pair(O_NONBLOCK);
    modes(ICRNL, 0, ICANON | IEXTEN);
    key(VEOL, ';');
    key(VEOL2, '!');
    type("one;two!three\nfour\004\004five\004");
    queued("six lines");
    read_once("two bytes", slave, 2);
    queued("then");
    read_once("the rest", slave, 100);
    read_once("three bytes", slave, 3);
    read_once("one more", slave, 1);
    read_once("a line", slave, 100);
    read_once("as long as the line", slave, 4);
    read_once("an empty one", slave, 100);
    read_once("the last", slave, 100);
    read_once("nothing", slave, 100);
    type("a\004b\n");
    read_once("exactly", slave, 1);
    read_once("next", slave, 1);
    read_once("its end", slave, 1);
    type("\n\004\n");
    queued("three ends");
    drain("up to the end of file", slave);
    drain("after it", slave);
    close_pair();
}

static void changes_of_mode(void) {
    open_pair(O_NONBLOCK);
    modes(ICRNL, 0, ICANON);
    type("line\nhalf");
    queued("canonical");
    modes(ICRNL, 0, 0);
    queued("raw");
    read_once("raw", slave, 3);
    modes(ICRNL, 0, ICANON);
    queued("canonical again");
    read_once("all of it is a line", slave, 100);
    type("x");
    read_once("not this", slave, 100);
    modes(ICRNL, 0, ICANON | ECHO);
    read_once("nor so", slave, 100);
    modes(ICRNL, 0, ECHO);
    read_once("but so", slave, 100);
    close_pair();
}

static void raw_limit(int length) {
    open_pair(O_NONBLOCK);
    modes(0, 0, 0);
    for (int i = 0; i < length; i++)
        type("r");
    queued("raw");
    modes(PARMRK, 0, 0);
    tcflush(slave, TCIFLUSH);
    for (int i = 0; i < length; i++)
        type("\377");
    queued("marked");
    close_pair();
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    long_line(4000, "\n");
    long_line(4094, "\n");
    long_line(4095, "\n");
    long_line(4096, "\n");
    long_line(5000, "\n");
    long_line(5000, "\004");
    long_line(5000, "\025\n");
    long_line(5000, "\177\177x\n");
    parts();
    changes_of_mode();
    raw_limit(4100);
    return 0;
}
