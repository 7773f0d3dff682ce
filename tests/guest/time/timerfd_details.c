// timerfd: old values, absolute times, blocking reads, disarming, what other calls say to the descriptor.
#include "guest.h"
#include <sys/timerfd.h>
static struct itimerspec spec(long value, long interval) { return (struct itimerspec){ { 0, interval }, { 0, value } }; }
int main(void)
{
    struct itimerspec new = spec(20 * MS, 0), old;
    uint64_t ticks = 0;
    int fd = MUST(timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC));
    say("flags %d %d", fcntl(fd, F_GETFD), fcntl(fd, F_GETFL) == O_RDWR);
    MUST(timerfd_settime(fd, 0, &new, NULL));
    say("blocking read %zd, %d", read(fd, &ticks, 8), (int)ticks);
    new = spec(1, 0);
    TRY(timerfd_settime(fd, TFD_TIMER_ABSTIME | 2, &new, NULL));
    say("long past %zd, %d", read(fd, &ticks, 100), (int)ticks);
    new = spec(10 * MS, 10 * MS);
    MUST(timerfd_settime(fd, 0, &new, &old));
    say("was %ld %ld", (long)old.it_value.tv_nsec, (long)old.it_interval.tv_nsec);
    pause_ms(35);
    MUST(timerfd_gettime(fd, &old));
    say("now %d %ld", old.it_value.tv_nsec > 0, (long)old.it_interval.tv_nsec);
    new = spec(0, 10 * MS);
    MUST(timerfd_settime(fd, 0, &new, &old));
    say("was %d %ld", old.it_value.tv_nsec > 0, (long)old.it_interval.tv_nsec);
    MUST(fcntl(fd, F_SETFL, O_NONBLOCK));
    TRY(read(fd, &ticks, 8));
    MUST(timerfd_gettime(fd, &old));
    say("off %ld %ld", (long)old.it_value.tv_nsec, (long)old.it_interval.tv_nsec);
    TRY(write(fd, &ticks, 8));
    TRY(lseek(fd, 1, SEEK_SET));
    TRY(pread(fd, &ticks, 8, 0));
    TRY(ftruncate(fd, 1));
    TRY(timerfd_settime(fd, 4, &new, NULL));
    TRY(timerfd_settime(0, 0, &new, NULL));
    TRY(timerfd_settime(-1, 0, &new, NULL));
    TRY(syscall(SYS_timerfd_settime, fd, 0, 8, NULL));
    new.it_value.tv_nsec = 1000000000;
    TRY(timerfd_settime(fd, 0, &new, NULL));
    TRY(timerfd_gettime(0, &old));
    TRY(timerfd_create(CLOCK_TAI, 0));
    TRY(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0));
    TRY(timerfd_create(CLOCK_MONOTONIC, 1));
    TRY(timerfd_create(CLOCK_BOOTTIME, 0));
    return 0;
}
