// Raw reads: the four cases of VMIN and VTIME, and what poll says meanwhile.
// needs: root
#include "tty.h"
#include <time.h>

static int min, decis;

static void raw(int vmin, int vtime) {
    open_pair(0);
    modes(0, 0, 0);
    key(VMIN, min = vmin);
    key(VTIME, decis = vtime);
}

static void look(const char *what) {
    struct pollfd p = {slave, POLLIN, 0};
    printf("  poll %s: %d\n", what, poll(&p, 1, 0));
}

static void later(const char *keys, int delay_ms) {
    fflush(stdout);
    if (!fork()) {
        usleep(delay_ms * 1000);
        type(keys);
        _exit(0);
    }
}

static void timed(const char *what, int size) {
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    read_once(what, slave, size);
    clock_gettime(CLOCK_MONOTONIC, &after);
    long ms = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    printf("  MIN %d TIME %d: %s\n", min, decis, ms >= decis * 100 && decis ? "waited the time" : "was quicker");
}

static void end(void) {
    close_pair();
    while (wait(NULL) > 0)
        ;
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    raw(0, 0);
    timed("nothing there", 10);
    type("ab");
    timed("something there", 10);
    end();

    raw(0, 2);
    look("empty");
    timed("nothing comes", 10);
    later("k", 50);
    decis = 0; // how long it takes is up to the machine
    timed("a key comes", 10);
    end();

    raw(3, 0);
    type("ab");
    look("two of three");
    later("c", 50);
    timed("the third comes", 10);
    type("defgh");
    look("five");
    timed("more than there must be", 10);
    type("xy");
    timed("asked for less", 2);
    end();

    raw(3, 2);
    type("a");
    look("one of three");
    timed("no more comes", 10);
    type("abcd");
    timed("enough at once", 10);
    later("k", 300);
    decis = 0;
    timed("the clock starts with the first", 1);
    end();

    raw(100, 0);
    for (int i = 0; i < 70; i++)
        type("q");
    timed("seventy of a hundred", 200);
    end();

    raw(1, 0);
    fcntl(slave, F_SETFL, O_NONBLOCK);
    timed("does not block", 10);
    key(VMIN, 0);
    timed("nor so", 10);
    key(VTIME, 1);
    timed("nor with a time", 10);
    key(VMIN, 5);
    type("abc");
    timed("too few", 10);
    end();
    return 0;
}
