/* Shared memory without an MMU: a file in memory, truncated to its size and then mapped by two programs. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (5 * 4096)
extern char **environ;

static void tell(const char *what, void *p) {
    printf("%s: %s\n", what, p != MAP_FAILED ? "ok" : errno == ENODEV ? "ENODEV" : errno == EPERM ? "EPERM" : strerror(errno));
}
static void *map(int fd, size_t size, off_t at) { return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, at); }

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IONBF, 0);
    if (argc > 1) {
        char *theirs = map(atoi(argv[1]), SIZE, 0);
        printf("the child reads: %s\n", theirs);
        strcpy(theirs + 2 * 4096, "written by the child");
        return 0;
    }
    int fd = memfd_create("shared", MFD_ALLOW_SEALING);
    ftruncate(fd, SIZE);
    char *mine = map(fd, SIZE, 0);
    tell("after truncate", mine);
    strcpy(mine, "written by the parent");
    char number[12];
    snprintf(number, sizeof number, "%d", fd);
    char *args[] = {"shared", number, NULL};
    pid_t pid;
    if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, args, environ) || waitpid(pid, NULL, 0) != pid) return 1;
    printf("the parent reads: %s\n", mine + 2 * 4096);
    char text[30] = "";
    pread(fd, text, 20, 2 * 4096);
    printf("the file has: %s\n", text);
    tell("the same once more", map(fd, SIZE, 0));
    printf("unmapped: %d\n", munmap(mine, SIZE));
    tell("a part of it", mine = map(fd, 4096, 2 * 4096));
    printf("it has: %s\n", mine);
    tell("beyond the end", map(fd, SIZE, 4096));
    munmap(mine, 4096);
    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE);
    tell("sealed", map(fd, SIZE, 0));
    int pieces = open("/dev/shm/pieces", O_RDWR | O_CREAT, 0600);
    pwrite(pieces, "x", 1, 3 * 4096);
    pwrite(pieces, "x", 1, 4096);
    tell("written before, in pieces", map(pieces, 4 * 4096, 0));
    ftruncate(pieces, 0);
    ftruncate(pieces, 4096);
    tell("truncated to nothing and back", map(pieces, 4096, 0));
    unlink("/dev/shm/pieces");
    return 0;
}
