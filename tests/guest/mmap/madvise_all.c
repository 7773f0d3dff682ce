// madvise: DONTNEED zeroes private memory and rereads files, DONTFORK and WIPEONFORK act at fork; errors.
#include "guest.h"
#include <setjmp.h>
#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#define MADV_KEEPONFORK 19
#endif
int main(void)
{
    enum { RW = PROT_READ | PROT_WRITE, AP = MAP_PRIVATE | MAP_ANONYMOUS };
    char *p = mmap(NULL, 8192, RW, AP, -1, 0);
    p[0] = 'p';
    TRY(madvise(p, 4096, MADV_DONTNEED));
    say("zero: %d", p[0]);
    int fd = MUST(open("file", O_CREAT | O_RDWR, 0600));
    write(fd, "file", 4);
    char *f = mmap(NULL, 4096, RW, MAP_PRIVATE, fd, 0);
    f[0] = 'F';
    TRY(madvise(f, 4096, MADV_DONTNEED));
    say("from the file again: %.4s", f);
    strcpy(p, "keep"), strcpy(p + 4096, "wipe");
    TRY(madvise(p + 4096, 4096, MADV_WIPEONFORK));
    char *gone = mmap(NULL, 4096, RW, AP, -1, 0);
    TRY(madvise(gone, 4096, MADV_DONTFORK));
    pid_t pid = spawn();
    if (pid == 0) {
        say("child: '%s' '%s', dontfork: %s", p, p + 4096, outcome(msync(gone, 4096, MS_ASYNC)));
        _exit(0);
    }
    reap(pid, "child");
    say("parent: '%s' '%s'", p, p + 4096);
    TRY(madvise(p, 4096, 12345));
    TRY(madvise(p + 1, 4096, MADV_DONTNEED));
    TRY(madvise((void *)0x10000, 4096, MADV_DONTNEED));
    TRY(madvise(f, 4096, MADV_WIPEONFORK));
    TRY(madvise(p, 0, MADV_DONTNEED));
    TRY(madvise(p, 8192, MADV_WILLNEED));
    TRY(madvise(p, 8192, MADV_SEQUENTIAL));
    return 0;
}
