// CLONE_NEWTIME: offsets of CLOCK_MONOTONIC and CLOCK_BOOTTIME for the children to come, set once; sleeps and timers.
// needs: root
#include "ns.h"
#include <sys/sysinfo.h>
#include <sys/timerfd.h>
#define OFFSETS "/proc/self/timens_offsets"
static long now(clockid_t clock)
{
    struct timespec t;
    MUST(clock_gettime(clock, &t));
    return t.tv_sec;
}
static long mono, boot;
static void shifts(const char *when)
{
    struct sysinfo info;
    sysinfo(&info);
    double up = 0;
    sscanf(get_file("/proc/uptime"), "%lf", &up);
    /* rounded: time passes meanwhile */
    say("%s: monotonic %+ld raw %+ld coarse %+ld boottime %+ld uptime %+ld sysinfo %+ld (hundreds of seconds)", when,
        (now(CLOCK_MONOTONIC) - mono + 50) / 100, (now(CLOCK_MONOTONIC_RAW) - mono + 50) / 100,
        (now(CLOCK_MONOTONIC_COARSE) - mono + 50) / 100, (now(CLOCK_BOOTTIME) - boot + 50) / 100,
        ((long)up - boot + 50) / 100, (info.uptime - boot + 50) / 100);
}
static void sleeps(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    long start = t.tv_sec;
    t.tv_sec += 1;
    TRYAS("absolute sleep", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, 0));
    say("it took a second: %d", now(CLOCK_MONOTONIC) - start == 1);
    t.tv_sec = 1;
    TRYAS("a time that is past", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, 0));
    say("none passed: %d", now(CLOCK_MONOTONIC) - start < 3);
    int fd = MUST(timerfd_create(CLOCK_BOOTTIME, 0));
    struct itimerspec timer = { .it_value.tv_sec = now(CLOCK_BOOTTIME) + 1 };
    MUST(timerfd_settime(fd, TFD_TIMER_ABSTIME, &timer, 0));
    MUST(timerfd_gettime(fd, &timer));
    say("timerfd within a second: %d", timer.it_value.tv_sec < 1 && timer.it_value.tv_nsec > 0);
    uint64_t ticks = 0;
    MUST(read(fd, &ticks, 8));
    say("ticks %d", (int)ticks);
    timer_t id;
    struct sigevent event = { .sigev_notify = SIGEV_NONE };
    MUST(timer_create(CLOCK_MONOTONIC, &event, &id));
    timer = (struct itimerspec){ .it_value.tv_sec = now(CLOCK_MONOTONIC) + 100 };
    MUST(timer_settime(id, TIMER_ABSTIME, &timer, 0));
    MUST(timer_gettime(id, &timer));
    say("POSIX timer has %ld tens of seconds left", (timer.it_value.tv_sec + 5) / 10);
}
int main(int argc, char **argv)
{
    if (argc > 2) {
        mono = atol(argv[1]), boot = atol(argv[2]);
        shifts("after execve");
        say("the same for children: %d", ns_ino("time") == ns_ino("time_for_children"));
        return 0;
    }
    mono = now(CLOCK_MONOTONIC), boot = now(CLOCK_BOOTTIME);
    say("%s", get_file(OFFSETS));
    TRYAS("the first namespace's", put_file(OFFSETS, "monotonic 100 0"));
    ino_t first = ns_ino("time");
    int old = MUST(ns_open("time"));
    MUST(sys_unshare(CLONE_NEWTIME));
    say("itself %d, children %d", ns_ino("time") == first, ns_ino("time_for_children") != first);
    static const char *const bad[] = { "", "monotonic", "monotonic 1", "real 1 0", "monotonic 1 1000000000",
        "monotonic x 0", "monotonic 1 0 0", "monotonic -99999999 0", "boottime 9223372036 0", "monotonic 99999999999 0",
        "monotonic 1 -1" };
    for (int i = 0; i < NELEM(bad); i++)
        TRYAS(bad[i], put_file(OFFSETS, bad[i]));
    TRYAS("monotonic", put_file(OFFSETS, "monotonic 10000 0\n"));
    TRYAS("both", put_file(OFFSETS, "7 20000 5\n1 30000 7\n"));
    say("%s", get_file(OFFSETS));
    shifts("the maker");
    int fd = MUST(ns_open("time_for_children"));
    pid_t pid = spawn();
    if (pid == 0) {
        shifts("child");
        sleeps();
        TRYAS("too late", put_file(OFFSETS, "monotonic 1 0\n"));
        say("in it %d", ns_ino("time") != first && ns_ino("time") == ns_ino("time_for_children"));
        _exit(0);
    }
    reap(pid, "child");
    shifts("the maker still");
    pid = vfork(); /* shares the memory, so stays where it is until it execs */
    if (pid == 0) {
        char a[32], b[32];
        sprintf(a, "%ld", mono), sprintf(b, "%ld", boot);
        execl("/proc/self/exe", argv[0], a, b, (char *)0);
        _exit(1);
    }
    reap(pid, "exec");
    pid = spawn();
    if (pid == 0) {
        TRYAS("enter the first one", sys_setns(old, CLONE_NEWTIME));
        shifts("there");
        TRYAS("and back", sys_setns(fd, 0));
        shifts("back");
        _exit(0);
    }
    reap(pid, "enter");
    struct clone3_args args = { .flags = CLONE_NEWTIME, .exit_signal = SIGCHLD };
    pid = MUST(clone3(&args, sizeof args));
    if (pid == 0) {
        shifts("clone3 with CLONE_NEWTIME: the offsets of the namespace it comes from");
        TRYAS("set", put_file(OFFSETS, "monotonic 1 0\n"));
        _exit(0);
    }
    reap(pid, "clone3");
    pid = spawn();
    if (pid == 0) {
        MUST(setuid(1000));
        TRYAS("a user: unshare", sys_unshare(CLONE_NEWTIME));
        _exit(0);
    }
    reap(pid, "user");
    return 0;
}
