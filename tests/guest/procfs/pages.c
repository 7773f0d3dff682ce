// needs: root
// smaps, smaps_rollup, pagemap, map_files and clear_refs: what they say of pages that were touched, shared and copied.
#include "guest.h"
#include <dirent.h>

enum { PAGES = 16 };

static long field(char *from, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "\n%s:", name);
    char *at = strstr(from, key);
    return at ? atol(at + strlen(key)) : -1;
}

static char text[1 << 18];

static char *area(const char *path, void *start)
{
    int fd = MUST(open(path, O_RDONLY));
    size_t have = 0;
    ssize_t n;
    while ((n = read(fd, text + have, sizeof text - have - 1)) > 0)
        have += n;
    text[have] = 0;
    close(fd);
    if (!start)
        return text;
    char key[32];
    snprintf(key, sizeof key, "%08lx-", (long)start);
    char *at = strstr(text, key);
    if (!at)
        return "none";
    char *end = strstr(at, "VmFlags");
    *strchr(end, '\n') = 0;
    return at;
}

static void tell(const char *what, void *start)
{
    char *at = area("/proc/self/smaps", start);
    char *flags = strstr(at, "VmFlags:");
    say("%s: Size %ld Rss %ld Pss %ld Pss_Dirty %ld shared %ld %ld private %ld %ld Anonymous %ld Locked %ld %s", what,
        field(at, "Size"), field(at, "Rss"), field(at, "Pss"), field(at, "Pss_Dirty"), field(at, "Shared_Clean"),
        field(at, "Shared_Dirty"), field(at, "Private_Clean"), field(at, "Private_Dirty"), field(at, "Anonymous"),
        field(at, "Locked"), flags ? flags : "");
}

static void maps(const char *what, char *at, int pages)
{
    uint64_t entries[PAGES];
    int fd = MUST(open("/proc/self/pagemap", O_RDONLY));
    ssize_t n = pread(fd, entries, pages * 8, (long)at / 4096 * 8);
    char line[256] = "";
    for (int i = 0; i < n / 8; i++)
        sprintf(line + strlen(line), " %s%s%s%s", entries[i] >> 63 & 1 ? "p" : "-", entries[i] >> 61 & 1 ? "f" : "-",
                entries[i] >> 56 & 1 ? "x" : "-", entries[i] & ((1UL << 55) - 1) ? "n" : "-");
    say("%s:%s", what, line);
    close(fd);
}

int main(void)
{
    char *own = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *shared = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    /* keep the areas apart from others */
    mprotect(own - 0, 0, PROT_NONE);
    int memfd = memfd_create("mine", 0);
    ftruncate(memfd, PAGES * 4096);
    pwrite(memfd, "x", 1, 0); /* or it would be clean on Linux */
    char *copy = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, memfd, 0);
    madvise(own, PAGES * 4096, MADV_NOHUGEPAGE);
    tell("private, untouched", own);
    for (int i = 0; i < 5; i++)
        own[i * 4096] = 1;
    volatile char sink = own[7 * 4096];
    (void)sink;
    tell("5 written, 1 read", own);
    maps("private", own, 9);
    for (int i = 0; i < 3; i++)
        shared[i * 4096] = 1;
    tell("shared", shared);
    maps("shared", shared, 5);
    sink = copy[0];
    copy[4096] = 1;
    tell("private of a file: 1 read, 1 written", copy);
    maps("file", copy, 4);
    int go[2], back[2];
    pipe(go);
    pipe(back);
    char c;
    pid_t pid = fork();
    if (!pid) {
        own[0] = 2;
        write(back[1], "", 1);
        read(go[0], &c, 1);
        _exit(0);
    }
    read(back[0], &c, 1);
    tell("after fork, the child wrote to 1", own);
    maps("private", own, 9);
    own[4096] = 3;
    tell("the parent wrote to another", own);
    char *rollup = area("/proc/self/smaps_rollup", NULL);
    say("rollup: %d %d %d", strstr(rollup, "[rollup]\n") != NULL, field(rollup, "Pss") < field(rollup, "Rss"),
        field(rollup, "Pss_Anon") + field(rollup, "Pss_File") + field(rollup, "Pss_Shmem") - field(rollup, "Pss") <= 2);
    write(go[1], "", 1);
    waitpid(pid, NULL, 0);
    tell("alone again", own);
    mlock(own, PAGES * 4096);
    tell("locked", own);
    munlock(own, PAGES * 4096);
    int clear = MUST(open("/proc/self/clear_refs", O_WRONLY));
    say("clear_refs 0: %s", write(clear, "0", 1) < 0 ? err(errno) : "ok");
    say("clear_refs 6: %s", write(clear, "6", 1) < 0 ? err(errno) : "ok");
    say("clear_refs x: %s", write(clear, "x", 1) < 0 ? err(errno) : "ok");
    say("clear_refs 1: %s", write(clear, "1", 1) < 0 ? err(errno) : "ok");
    say("referenced: %ld", field(area("/proc/self/smaps", own), "Referenced"));
    say("clear_refs read: %s", open("/proc/self/clear_refs", O_RDONLY) < 0 ? err(errno) : "opened");
    char path[128], target[256] = "";
    snprintf(path, sizeof path, "/proc/self/map_files/%lx-%lx", (long)copy, (long)copy + PAGES * 4096);
    readlink(path, target, sizeof target - 1);
    struct stat st;
    say("map_files: %s, stat %d, mode %o", target, stat(path, &st) < 0 ? errno : 0,
        lstat(path, &st) < 0 ? 0 : st.st_mode);
    int pagemap = open("/proc/self/pagemap", O_RDONLY);
    uint64_t entry[2];
    say("pagemap: part of an entry %s, odd offset %s, no room %zd, beyond the end %zd",
        pread(pagemap, entry, 7, 0) < 0 ? err(errno) : "read", pread(pagemap, entry, 8, 4) < 0 ? err(errno) : "read",
        pread(pagemap, entry, 0, 0), pread(pagemap, entry, 16, 1L << 44));
    return 0;
}
