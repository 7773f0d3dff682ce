// Output that is held: ^S and ^Q, TCOOFF and TCOON, IXANY, and a writer that sleeps meanwhile.
// needs: root
#include "tty.h"

static void try(const char *what) { printf("%s: %s\n", what, write(slave, "o", 1) < 0 ? strerror(errno) : "written"); }

static void look(const char *what) {
    struct pollfd p = {slave, POLLOUT, 0};
    poll(&p, 1, 0);
    printf("%s: poll %x\n", what, p.revents);
}

static void keys(unsigned iflag) {
    open_pair(O_NONBLOCK);
    modes(iflag, OPOST, ICANON | ECHO | ISIG);
    printf("iflag %o\n", iflag);
    try("at first");
    type("\023");
    look("after ^S");
    try("after ^S");
    drain("screen", master);
    type("ab");
    drain("echo", master);
    try("after a key");
    type("\021");
    drain("after ^Q", master);
    look("after ^Q");
    try("after ^Q");
    drain("screen", master); // ^C throws away what is under way
    type("\023\023");
    drain("screen", master);
    type("\003");
    try("after ^S ^S ^C");
    drain("screen", master);
    tcflow(slave, TCOOFF);
    try("after TCOOFF");
    type("\021x");
    try("after ^Q");
    tcflow(slave, TCOON);
    try("after TCOON");
    drain("screen", master);
    type("\023");
    tcflow(slave, TCOON);
    try("TCOON does not undo ^S");
    modes(0, OPOST, ICANON | ECHO);
    try("IXON is gone");
    tcflow(slave, TCOOFF);
    modes(IXON, OPOST, ICANON | ECHO);
    modes(0, OPOST, ICANON | ECHO);
    try("but TCOOFF stays");
    tcflow(slave, TCIOFF);
    tcflow(slave, TCION);
    drain("sent", master);
    tcflow(slave, TCOON);
    tcflow(slave, TCIOFF);
    tcflow(slave, TCION);
    drain("sent", master);
    key(VSTOP, 0);
    tcflow(slave, TCIOFF);
    drain("there is no such key", master);
    tcflow(master, TCOOFF);
    printf("the master writes: %s\n", write(master, "m", 1) < 0 ? strerror(errno) : "written");
    tcflow(master, TCOON);
    printf("the master writes: %s\n", write(master, "m", 1) < 0 ? strerror(errno) : "written");
    close_pair();
}

static void sleeper(void) {
    open_pair(0);
    modes(IXON, OPOST | ONLCR, 0);
    tcflow(slave, TCOOFF);
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        long count = write(slave, "one\ntwo\n", 8);
        printf("written %ld\n", count);
        fflush(stdout);
        _exit(0);
    }
    usleep(50000);
    fcntl(master, F_SETFL, O_NONBLOCK);
    read_once("nothing yet", master, 100);
    tcflow(slave, TCOON);
    waitpid(child, NULL, 0);
    drain("now", master);
    close_pair();
}

static void full(void) {
    // More than any buffer holds; how much that is is the kernel's business.
    static char data[200000], got[200000];
    open_pair(0);
    modes(0, 0, 0);
    for (int i = 0; i < (int)sizeof data; i++)
        data[i] = i * 7 + i / 251;
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        long count = write(slave, data, sizeof data);
        _exit(count != sizeof data);
    }
    long total = 0, count;
    while (total < (long)sizeof got && (count = read(master, got + total, sizeof got - total)) > 0)
        total += count;
    int status;
    waitpid(child, &status, 0);
    printf("slave to master: %ld bytes, same %d, status %x\n", total, !memcmp(data, got, sizeof data), status);
    fflush(stdout);
    child = fork();
    if (!child) {
        long sent = write(master, data, sizeof data);
        _exit(sent != sizeof data);
    }
    total = 0;
    memset(got, 0, sizeof got);
    while (total < (long)sizeof got && (count = read(slave, got + total, sizeof got - total)) > 0)
        total += count;
    waitpid(child, &status, 0);
    printf("master to slave: %ld bytes, same %d, status %x\n", total, !memcmp(data, got, sizeof data), status);
    fcntl(slave, F_SETFL, O_NONBLOCK);
    long first = write(slave, data, sizeof data);
    printf("part of it %d, then %s\n", first > 4096 && first < 100000, write(slave, data, 1) < 0 ? strerror(errno) : "more");
    close_pair();
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    keys(IXON);
    keys(IXON | IXANY);
    keys(0);
    sleeper();
    full();
    return 0;
}
