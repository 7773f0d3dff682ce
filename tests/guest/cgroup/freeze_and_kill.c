// cgroup.freeze and cgroup.kill: the whole subtree stands still, goes on, dies; poll on cgroup.events.
// needs: root linux-6.12
#include "../cgroup.h"
static volatile int *counter;
static void handled(int number) { (void)number; counter[1]++; }
static pid_t counting(const char *where)
{
    pid_t pid = spawn();
    if (pid == 0) {
        on_signal(SIGUSR1, handled, 0);
        if (put(where, "cgroup.procs", "0") != 1)
            _exit(9);
        for (;;) {
            ++*counter;
            pause_ms(1);
        }
    }
    return pid;
}
static int grows(void)
{
    int before = *counter;
    for (int i = 0; i < 200 && *counter == before; i++)
        pause_ms(1);
    return *counter != before;
}
int main(void)
{
    counter = shared(4096);
    setup();
    MUST(group("a"));
    MUST(group("a/b"));
    pid_t pid = counting("a/b");
    until("a/b", "cgroup.events", "populated 1");
    YES(grows());
    int fd = open(in("a", "cgroup.events"), O_RDONLY);
    char text[64];
    MUST(read(fd, text, sizeof text));
    struct pollfd p = { fd, POLLPRI, 0 };
    say("poll: %d", poll(&p, 1, 0));
    PUT("a", "cgroup.freeze", "2");
    PUT("a", "cgroup.freeze", "x");
    PUT("a", "cgroup.freeze", "-1");
    PUT("a", "cgroup.freeze", "1");
    until("a", "cgroup.events", "frozen 1");
    int ready = poll(&p, 1, 1000);
    say("poll: %d %s %s", ready, p.revents & POLLPRI ? "PRI" : "", p.revents & POLLERR ? "ERR" : "");
    SHOW("a", "cgroup.events");
    SHOW("a/b", "cgroup.events");
    SHOW("a/b", "cgroup.freeze");
    YES(grows());
    MUST(kill(pid, SIGUSR1)); // handled when it is thawed
    pause_ms(20);
    say("handled: %d", counter[1]);
    PUT("a/b", "cgroup.freeze", "0");
    YES(grows());
    PUT("a", "cgroup.freeze", "0");
    YES(grows());
    say("handled: %d", counter[1]);
    PUT("a", "cgroup.freeze", "1");
    until("a", "cgroup.events", "frozen 1");
    MUST(kill(pid, SIGUSR2)); // a deadly one does not wait
    reap(pid, "still frozen");
    PUT("a", "cgroup.freeze", "0");
    // SIGKILL ends a frozen one
    pid = counting("a/b");
    until("a/b", "cgroup.events", "populated 1");
    PUT("a/b", "cgroup.freeze", "1");
    until("a/b", "cgroup.events", "frozen 1");
    SHOW("a", "cgroup.events");
    MUST(kill(pid, SIGKILL));
    reap(pid, "killed");
    until("a/b", "cgroup.events", "populated 0");
    SHOW("a/b", "cgroup.events");
    // moved into it, moved out of it
    pid = counting("a");
    until("a", "cgroup.events", "populated 1");
    YES(grows());
    put_number("a/b", "cgroup.procs", pid);
    until("a/b", "cgroup.events", "frozen 1");
    YES(grows());
    put_number("a", "cgroup.procs", pid);
    YES(grows());
    // a child is born frozen where its parent is; a call that was interrupted goes on
    PUT("a/b", "cgroup.freeze", "0");
    pid_t sleeper = spawn();
    if (sleeper == 0) {
        put("a/b", "cgroup.procs", "0");
        struct timespec t = { 0, 100 * MS };
        int result = nanosleep(&t, NULL);
        say("slept: %d", result);
        _exit(0);
    }
    until("a/b", "cgroup.events", "populated 1");
    pause_ms(10);
    PUT("a/b", "cgroup.freeze", "1");
    until("a/b", "cgroup.events", "frozen 1");
    PUT("a/b", "cgroup.freeze", "0");
    reap(sleeper, "sleeper");
    // kill
    PUT("a", "cgroup.kill", "0");
    PUT("a", "cgroup.kill", "x");
    pid_t other = counting("a/b");
    until("a/b", "cgroup.events", "populated 1");
    PUT("a", "cgroup.kill", "1");
    reap(pid, "in a");
    reap(other, "in a/b");
    until("a", "cgroup.events", "populated 0");
    say("%s", outcome(ungroup("a/b")));
    say("%s", outcome(ungroup("a")));
    cleanup();
    return 0;
}
