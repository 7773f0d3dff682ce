// cachestat(2) of a file in memory, process_mrelease(2)'s errors, ustat(2), sysfs(2).
#include "guest.h"
struct range { uint64_t off, len; };
struct counts { uint64_t cached, dirty, writeback, evicted, recently; };
static void stat_range(int fd, uint64_t off, uint64_t len)
{
    struct range range = { off, len };
    struct counts counts;
    memset(&counts, 0xff, sizeof counts);
    long got = syscall(451, fd, &range, &counts, 0);
    if (got == -1)
        say("%s", err(errno));
    else
        say("%d+%d: %d cached, %d under writeback, %d evicted", (int)off, (int)len, (int)counts.cached,
            (int)counts.writeback, (int)counts.evicted);
}
int main(void)
{
    int fd = MUST(syscall(SYS_memfd_create, "m", 0));
    stat_range(fd, 0, 0);
    write(fd, "hello", 5);
    pwrite(fd, "x", 1, 5 * 4096);
    stat_range(fd, 0, 0);
    stat_range(fd, 4096, 0);
    stat_range(fd, 4096, 8192);
    stat_range(fd, 0, 1);
    stat_range(fd, 5 * 4096 + 100, 1);
    stat_range(fd, 0, 1 << 20);
    int pair[2];
    MUST(pipe(pair));
    stat_range(pair[0], 0, 0);
    stat_range(99, 0, 0);
    struct range range = { 0, 0 };
    struct counts counts;
    TRY(syscall(451, fd, &range, &counts, 1));
    TRY(syscall(451, fd, 0, &counts, 0));
    TRY(syscall(451, fd, &range, 0, 0));
    TRY(syscall(448, -1, 0));
    TRY(syscall(448, 0, 0));
    TRY(syscall(448, 0, 1));
    TRY(syscall(448, MUST(syscall(SYS_pidfd_open, getpid(), 0)), 0));
    int child = fork();
    if (!child)
        _exit(0);
    int pidfd = MUST(syscall(SYS_pidfd_open, child, 0));
    siginfo_t info;
    waitid(P_PID, child, &info, WEXITED | WNOWAIT);
    TRY(syscall(448, pidfd, 0));
    waitpid(child, 0, 0);
    TRY(syscall(448, pidfd, 0));
    char buf[200], zeros[12] = "";
    TRY(syscall(SYS_ustat, 0xffffffff, buf));
    struct stat st;
    stat("/proc", &st);
    say("ustat of /proc: %ld", syscall(SYS_ustat, (unsigned)st.st_dev, buf));
    say("names empty: %d", !memcmp(buf + 16, zeros, 12));
    TRY(syscall(SYS_ustat, (unsigned)st.st_dev, 0));
    long count = syscall(SYS_sysfs, 3), proc = syscall(SYS_sysfs, 1, "proc");
    say("proc is known: %d", proc >= 0 && proc < count);
    TRY(syscall(SYS_sysfs, 2, proc, buf));
    say("%s", buf);
    TRY(syscall(SYS_sysfs, 1, "none of these"));
    TRY(syscall(SYS_sysfs, 1, 0L));
    TRY(syscall(SYS_sysfs, 2, count, buf));
    TRY(syscall(SYS_sysfs, 2, 0L, 0L));
    TRY(syscall(SYS_sysfs, 4));
    int gone[] = { 134, 156, 174, 177, 178, 180, 181, 182, 183, 184, 185, 205, 211, 212, 214, 215, 236 };
    for (int i = 0; i < NELEM(gone); i++)
        if (syscall(gone[i], 0, 0, 0, 0, 0, 0) != -1 || errno != ENOSYS)
            say("%d answers", gone[i]);
    return 0;
}
