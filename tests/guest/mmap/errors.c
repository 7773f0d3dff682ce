// The errnos of mmap, munmap and mprotect.
#include "guest.h"
static const char *map(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
    long p = syscall(SYS_mmap, at, size, prot, flags, fd, offset);
    return p == -1 ? err(errno) : "ok";
}
int main(void)
{
    enum { RW = PROT_READ | PROT_WRITE, AP = MAP_PRIVATE | MAP_ANONYMOUS };
    int fd = MUST(open("file", O_CREAT | O_RDWR, 0600)), dir = MUST(open(".", O_RDONLY));
    ftruncate(fd, 8192);
    int ro = MUST(open("file", O_RDONLY)), wo = MUST(open("file", O_WRONLY)), path = MUST(open("file", O_PATH));
    int fds[2];
    MUST(pipe(fds));
    say("length 0: %s", map(0, 0, RW, AP, -1, 0));
    say("no kind: %s", map(0, 4096, RW, MAP_ANONYMOUS, -1, 0));
    say("both kinds: %s", map(0, 4096, RW, MAP_ANONYMOUS | MAP_PRIVATE | MAP_SHARED, -1, 0));
    say("huge: %s", map(0, 1UL << 60, RW, AP, -1, 0));
    say("wraps: %s", map(0, -1UL, RW, AP, -1, 0));
    say("odd offset: %s", map(0, 4096, PROT_READ, MAP_PRIVATE, fd, 100));
    say("bad descriptor: %s", map(0, 4096, PROT_READ, MAP_PRIVATE, 99, 0));
    say("directory: %s", map(0, 4096, PROT_READ, MAP_PRIVATE, dir, 0));
    say("pipe: %s", map(0, 4096, PROT_READ, MAP_PRIVATE, fds[0], 0));
    say("O_PATH: %s", map(0, 4096, PROT_READ, MAP_PRIVATE, path, 0));
    say("write-only: %s", map(0, 4096, PROT_READ, MAP_SHARED, wo, 0));
    say("shared write of read-only: %s", map(0, 4096, RW, MAP_SHARED, ro, 0));
    say("private write of read-only: %s", map(0, 4096, RW, MAP_PRIVATE, ro, 0));
    say("fixed unaligned: %s", map((void *)0x10001, 4096, RW, AP | MAP_FIXED, -1, 0));
    say("fixed in the kernel's half: %s", map((void *)0xffff800000000000, 4096, RW, AP | MAP_FIXED, -1, 0));
    char *p = mmap(NULL, 3 * 4096, RW, AP, -1, 0);
    say("taken, no replace: %s", map(p, 4096, RW, AP | MAP_FIXED_NOREPLACE, -1, 0));
    say("unmap unaligned: %s", outcome(munmap(p + 1, 4096)));
    say("unmap nothing: %s", outcome(munmap(p, 0)));
    say("unmap the middle: %s", outcome(munmap(p + 4096, 4096)));
    say("unmap it again: %s", outcome(munmap(p + 4096, 4096)));
    say("protect over the hole: %s", outcome(mprotect(p, 3 * 4096, PROT_READ)));
    say("protect unaligned: %s", outcome(mprotect(p + 1, 4096, PROT_READ)));
    say("protect bits: %s", outcome(mprotect(p, 4096, 0x100)));
    say("protect nothing: %s", outcome(mprotect(p, 0, PROT_READ)));
    void *file = mmap(NULL, 4096, PROT_READ, MAP_SHARED, ro, 0);
    say("write to a read-only file's mapping: %s", outcome(mprotect(file, 4096, RW)));
    return 0;
}
