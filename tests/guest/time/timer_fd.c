// timerfd: reads tell expirations, O_NONBLOCK is EAGAIN, poll sees it.
#include "guest.h"
#include <sys/timerfd.h>
int main(void)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (fd == -1)
        die("timerfd_create");
    uint64_t n = 0;
    TRY(read(fd, &n, 8));
    struct itimerspec spec = { { 0, 5 * MS }, { 0, 5 * MS } };
    TRY(timerfd_settime(fd, 0, &spec, NULL));
    struct pollfd p = { .fd = fd, .events = POLLIN };
    say("poll %d", poll(&p, 1, -1));
    pause_ms(30);
    say("read %zd, expirations %d", read(fd, &n, 8), n >= 4);
    TRY(read(fd, &n, 4));
    TRY(timerfd_create(99, 0));
    TRY(timerfd_settime(1, 0, &spec, NULL));
    return 0;
}
