/* What a program finds on a machine without an MMU. Prints one fact a line. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *name(int error) {
    switch (error) {
    case 0: return "ok";
    case EINVAL: return "EINVAL";
    case ENOMEM: return "ENOMEM";
    case ENOSYS: return "ENOSYS";
    case ENODEV: return "ENODEV";
    case EACCES: return "EACCES";
    case EFAULT: return "EFAULT";
    case EPERM: return "EPERM";
    case EBADF: return "EBADF";
    default: return strerror(error);
    }
}
static void tell(const char *what, long result) { printf("%s: %s\n", what, name(result == -1 ? errno : 0)); }
static void map(const char *what, size_t size, int prot, int flags, int fd) {
    void *p = mmap(NULL, size, prot, flags, fd, 0);
    tell(what, p == MAP_FAILED ? -1 : 0);
    if (p != MAP_FAILED) munmap(p, size);
}
static volatile int shared;

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IONBF, 0);
    tell("fork", syscall(SYS_fork));
    tell("clone(SIGCHLD)", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    struct { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls; } args = {.exit_signal = SIGCHLD};
    tell("clone3(SIGCHLD)", syscall(435, &args, sizeof args));
    pid_t pid = vfork();
    if (pid == 0) {
        shared = 42;
        _exit(3);
    }
    int status;
    waitpid(pid, &status, 0);
    printf("vfork: the child wrote %d and ended with %d\n", shared, WEXITSTATUS(status));

    void *end = (void *)syscall(SYS_brk, 0);
    printf("brk: %s\n", (void *)syscall(SYS_brk, (char *)end + 4096) == end ? "does not move" : "moves");
    size_t page = 4096;
    char *p = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int zero = 1;
    for (size_t i = 0; i < 3 * page; i++) zero &= p[i] == 0;
    p[page] = 1;
    printf("mmap: zeros %d, PROT_NONE can be written: %d\n", zero, p[page]);
    tell("mprotect", mprotect(p, page, PROT_READ));
    tell("madvise", madvise(p, page, MADV_DONTNEED));
    tell("mlock", mlock(p, page));
    tell("msync", msync(p, page, MS_SYNC));
    unsigned char vec[1];
    tell("mincore", mincore(p, page, vec));
    tell("mremap to less", mremap(p, 3 * page, 2 * page, 0) == p ? 0 : -1);
    tell("mremap back", mremap(p, 2 * page, 3 * page, 0) == p ? 0 : -1);
    tell("mremap to more", mremap(p, 3 * page, 8 * page, MREMAP_MAYMOVE) == p ? 0 : -1);
    tell("mremap a part", mremap(p, page, page, 0) == p ? 0 : -1);
    tell("munmap the middle", munmap(p + page, page));
    tell("munmap what is gone", munmap(p + page, page));
    tell("munmap the ends", munmap(p, page) | munmap(p + 2 * page, page));
    tell("munmap nothing", munmap(p, 0));
    tell("munmap beyond the end", munmap((void *)((uintptr_t)&shared & -page), 1 << 26));

    map("anonymous MAP_SHARED", page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
    map("MAP_FIXED", page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1);
    map("no type", page, PROT_READ, MAP_ANONYMOUS, -1);
    map("too much", (size_t)1 << 40, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600), reader = open("file", O_RDONLY), writer = open("file", O_WRONLY);
    write(fd, "contents", 8);
    map("file MAP_SHARED", page, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    map("file MAP_SHARED, not open for writing", page, PROT_READ | PROT_WRITE, MAP_SHARED, reader);
    map("file not open for reading", page, PROT_READ, MAP_PRIVATE, writer);
    int ends[2];
    pipe(ends);
    map("pipe", page, PROT_READ, MAP_PRIVATE, ends[0]);
    map("bad descriptor", page, PROT_READ, MAP_PRIVATE, 99);
    char *copy = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    char *one = mmap(NULL, page, PROT_READ, MAP_PRIVATE, reader, 0);
    pwrite(fd, "CONTENTS", 8, 0);
    printf("private copies: %.8s %.8s; beyond the end: %d\n", copy, one, copy[8]);
    char *again = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    printf("a copy made later: %.8s\n", again);
    tell("mremap of a shareable mapping", mremap(one, page, page, 0) == one ? 0 : -1);
    tell("munmap a part of a file's", munmap(copy, 2 * page));
    tell("munmap it", munmap(copy, page));
    errno = 0;
    tell("read into no memory", read(open("/dev/zero", O_RDONLY), (void *)0x100, 8));
    unlink("file");
    return 0;
}
