// needs: root linux-6.18
// What can be set in /proc/PID: coredump_filter, oom_adj, oom_score_adj, timerslack_ns, comm; fork and exec; timers.
#include "guest.h"

static char text[4096];

static char *get(const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/%s", name);
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    text[strcspn(text, "\n")] = 0;
    close(fd);
    return text;
}

static void set(const char *name, const char *value)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/%s", name);
    int fd = open(path, O_WRONLY);
    ssize_t n = write(fd, value, strlen(value));
    const char *result = n < 0 ? err(errno) : "ok";
    close(fd);
    say("%s = '%s': %s, %s", name, value, result, get(name));
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        say("after execve: %s", get("coredump_filter"));
        say("after execve: %s", get("oom_score_adj"));
        return 0;
    }
    struct { uint32_t version; int pid; } header = {0x20080522, 0};
    struct { uint32_t effective, permitted, inheritable; } caps[2];
    syscall(SYS_capget, &header, caps);
    caps[0].effective &= ~(1u << 24); /* CAP_SYS_RESOURCE */
    syscall(SYS_capset, &header, caps);
    static const char *const filters[] = {"0", "0x7f", "010", "1ff", "512", "65535", "", "x", "-1", " 3 ", "3\n", "0x33"};
    for (int i = 0; i < NELEM(filters); i++)
        set("coredump_filter", filters[i]);
    static const char *const adjusts[] = {"0", "500", "1000", "1001", "-1001", "-1000", "12x", " 7\n", ""};
    for (int i = 0; i < NELEM(adjusts); i++) {
        set("oom_score_adj", adjusts[i]);
        say("  oom_adj %s", get("oom_adj"));
    }
    static const char *const old[] = {"0", "1", "15", "16", "-17", "-18", "-3", "8"};
    for (int i = 0; i < NELEM(old); i++) {
        set("oom_adj", old[i]);
        say("  oom_score_adj %s", get("oom_score_adj"));
    }
    set("timerslack_ns", "0");
    set("timerslack_ns", "12345");
    set("timerslack_ns", "x");
    set("comm", "a name that is much too long");
    set("coredump_filter", "0x21");
    set("oom_score_adj", "77");
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        say("child: %s", get("coredump_filter"));
        say("child: %s", get("oom_score_adj"));
        set("coredump_filter", "5");
        execl("/proc/self/exe", "settings", "again", NULL);
        _exit(1);
    }
    waitpid(pid, NULL, 0);
    say("parent: %s", get("coredump_filter"));
    timer_t one, two;
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    timer_create(CLOCK_REALTIME, NULL, &one);
    timer_create(CLOCK_MONOTONIC, &event, &two);
    int fd = open("/proc/self/timers", O_RDONLY);
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n] = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        say("%.*s%s", (int)strcspn(line, "/."), line, strstr(line, ".") ? (atoi(strstr(line, ".") + 1) == getpid() ? " me" : "?") : "");
    timer_delete(one);
    say("one left: %s", get("timers"));
    say("%s; %s; %s", get("task/self") ? "" : "", open("/proc/self/timers", O_WRONLY) < 0 ? err(errno) : "ok",
        access("/proc/thread-self/timers", F_OK) < 0 ? err(errno) : "there");
    return 0;
}
