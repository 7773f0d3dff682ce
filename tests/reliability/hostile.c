/* hostile WHAT: a program that takes all there is of something. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK = 1 << 20 };

static void all_memory(int flags)
{
    for (;;) {
        char *memory = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            exit(3);
        memset(memory, 1, CHUNK);
    }
}

static void all_of_a_file(int fd)
{
    static char block[CHUNK];
    ssize_t written;
    memset(block, 1, sizeof block);
    do
        written = write(fd, block, sizeof block);
    while (written > 0);
    puts(errno == ENOSPC ? "ENOSPC" : errno == ENOMEM ? "ENOMEM" : strerror(errno));
}

static int recurse(int depth)
{
    volatile char frame[4096];
    frame[0] = depth;
    return recurse(depth + 1) + frame[0];
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "forks"))
        for (;;)
            fork();
    if (!strcmp(what, "memory"))
        all_memory(MAP_PRIVATE);
    if (!strcmp(what, "shared memory"))
        all_memory(MAP_SHARED);
    if (!strcmp(what, "files"))
        all_of_a_file(open("/tmp/all", O_CREAT | O_WRONLY, 0600));
    if (!strcmp(what, "memfd"))
        all_of_a_file(memfd_create("all", 0));
    if (!strcmp(what, "stack"))
        return recurse(0);
    if (!strcmp(what, "descriptors")) {
        while (dup(1) >= 0) {
        }
        puts(errno == EMFILE ? "EMFILE" : strerror(errno));
    }
    if (!strcmp(what, "address space"))
        munmap(NULL, 0x7ffffffff000);
    return 0;
}
