// needs: root linux-6.18
// What each file of /proc/PID says of a zombie, and of a process that is gone.
#include "guest.h"
#include <dirent.h>

static const char *const names[] = {
    "environ", "auxv", "status", "personality", "limits", "sched", "comm", "cmdline", "stat", "statm", "maps", "smaps",
    "smaps_rollup", "pagemap", "clear_refs", "mem", "mounts", "mountinfo", "mountstats", "wchan", "stack", "syscall", "io",
    "schedstat", "timers", "arch_status", "autogroup", "loginuid", "sessionid", "coredump_filter", "uid_map", "setgroups",
    "cgroup", "timens_offsets", "oom_score", "oom_adj", "oom_score_adj", "timerslack_ns", "cwd", "root", "exe", "fd",
    "fdinfo", "ns", "net", "task", "map_files",
};

static void look(const char *when, pid_t pid) {
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        char path[64], buf[4096];
        snprintf(path, sizeof path, "/proc/%d/%s", pid, names[i]);
        printf("%s %s:", when, names[i]);
        struct stat st;
        if (lstat(path, &st) < 0) { printf(" stat %s\n", strerror(errno)); continue; }
        printf(" %o", st.st_mode);
        if (S_ISLNK(st.st_mode)) {
            printf(" %s\n", readlink(path, buf, sizeof buf) < 0 ? strerror(errno) : "leads somewhere");
            continue;
        }
        int fd = open(path, S_ISDIR(st.st_mode) ? O_RDONLY | O_DIRECTORY : O_RDONLY);
        if (fd < 0) { printf(" open %s\n", strerror(errno)); continue; }
        if (S_ISDIR(st.st_mode)) {
            DIR *dir = fdopendir(fd);
            int count = 0;
            errno = 0;
            while (readdir(dir)) count++;
            printf(" entries %s %s\n", count > 2 ? "some" : "none", errno ? strerror(errno) : "");
            closedir(dir);
            continue;
        }
        ssize_t n = read(fd, buf, sizeof buf);
        if (n < 0) printf(" read %s\n", strerror(errno));
        else printf(" %s\n", n ? "something" : "empty");
        close(fd);
    }
}

int main(void) {
    pid_t pid = fork();
    if (!pid) _exit(0);
    siginfo_t info;
    waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
    int fds[sizeof names / sizeof *names];
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/%s", pid, names[i]);
        fds[i] = open(path, O_RDONLY);
    }
    look("zombie", pid);
    waitpid(pid, NULL, 0);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        char buf[64];
        if (fds[i] < 0) continue;
        ssize_t n = read(fds[i], buf, sizeof buf);
        printf("open before: %s: %s\n", names[i], n < 0 ? strerror(errno) : n ? "something" : "empty");
        close(fds[i]);
    }
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d", pid);
    printf("gone: %d %s\n", stat(path, &st), strerror(errno));
    return 0;
}
