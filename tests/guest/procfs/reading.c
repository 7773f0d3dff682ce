// needs: root linux-6.18
// Reading files of /proc in pieces, at offsets, beyond the end; lseek, writing and poll; what they are to stat.
#include "guest.h"

static const char *const names[] = {
    "self/stat", "self/status", "self/statm", "self/limits", "self/cmdline", "self/environ", "self/auxv", "self/comm",
    "self/maps", "self/smaps_rollup", "self/io", "self/cgroup", "self/mounts", "self/mountinfo", "self/oom_score_adj",
    "self/personality", "self/uid_map", "self/setgroups", "self/wchan", "self/sched", "self/coredump_filter",
    "self/oom_score", "self/timerslack_ns", "self/pagemap",
    "version", "meminfo", "cpuinfo", "filesystems", "devices", "uptime",
    "sys/kernel/ostype", "sys/kernel/pid_max", "sys/kernel/random/boot_id", "sys/fs/nr_open", "sys/vm/overcommit_memory",
};

static const char *res(long value)
{
    static char text[8][32];
    static int at;
    char *here = text[at++ % 8];
    if (value < 0)
        return err(errno);
    snprintf(here, 32, "%ld", value);
    return here;
}

int main(void)
{
    static char whole[1 << 16], part[1 << 16];
    for (int i = 0; i < NELEM(names); i++) {
        char path[64];
        struct stat st;
        snprintf(path, sizeof path, "/proc/%s", names[i]);
        int fd = open(path, O_RDONLY);
        if (fd < 0) {
            say("%s: %s", names[i], err(errno));
            continue;
        }
        fstat(fd, &st);
        int pages = strstr(names[i], "pagemap") != NULL;
        ssize_t n = read(fd, whole, 128);
        off_t where = lseek(fd, 0, SEEK_CUR);
        ssize_t again = pread(fd, part, 128, 0);
        ssize_t inside = pages ? 0 : pread(fd, part + 1000, 4, 2);
        int same = n > 6 && !strcmp(names[i], "version") ? !memcmp(part + 1000, whole + 2, 4) : -1;
        say("%s: mode %o size %ld blocks %ld nlink %ld; pos after read %d; pread %d, inside %s %d", names[i], st.st_mode,
            (long)st.st_size, (long)st.st_blocks, (long)st.st_nlink, where == n, again == n || n == 128,
            inside == 4 || strstr(names[i], "cgroup") ? "4" : "less", same);
        say("  far %s, end %s, data %s, negative %s, beyond %s", res(pread(fd, part, 8, 1L << 40)),
            res(lseek(fd, 0, SEEK_END)), res(lseek(fd, 0, SEEK_DATA)), pages ? "" : res(lseek(fd, -1, SEEK_SET)),
            res(lseek(fd, 1 << 20, SEEK_SET)));
        say("  read there %s, write %s, zero %s, truncate %s", res(pages ? 0 : read(fd, part, 10)),
            res(write(fd, "x", 1)), res(pread(fd, part, 0, 0)), res(ftruncate(fd, 0)));
        close(fd);
        fd = open(path, O_WRONLY);
        say("  open to write %s, create %s, exclusive %s, directory %s", fd < 0 ? err(errno) : "ok",
            open(path, O_RDONLY | O_CREAT, 0600) < 0 ? err(errno) : "ok",
            open(path, O_RDONLY | O_CREAT | O_EXCL, 0600) < 0 ? err(errno) : "ok",
            open(path, O_RDONLY | O_DIRECTORY) < 0 ? err(errno) : "ok");
        close(fd);
    }
    int fd = open("/proc/self/status", O_RDONLY);
    size_t have = 0;
    while (have < sizeof part && read(fd, part + have, 1) == 1)
        have++;
    part[have] = 0;
    say("byte by byte: %d lines end with %d", strncmp(part, "Name:\treading\n", 14) == 0, part[have - 1] == '\n');
    say("unlink %s, rename %s, mkdir %s, create %s, chmod %s", res(unlink("/proc/version")),
        res(rename("/proc/version", "/proc/x")), res(mkdir("/proc/x", 0700)), res(open("/proc/x", O_CREAT | O_RDWR, 0600)),
        res(chmod("/proc/self/stat", 0600)));
    say("unlink %s, mkdir %s, symlink %s, link %s", res(unlink("/proc/self/stat")), res(mkdir("/proc/self/x", 0700)),
        res(symlink("a", "/proc/self/x")), res(link("/proc/version", "/proc/self/x")));
    return 0;
}
