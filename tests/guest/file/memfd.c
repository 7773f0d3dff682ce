// memfd_create: a file without a name; size, mapping, seals.
#include "guest.h"
#define F_ADD_SEALS_ 1033
#define F_GET_SEALS_ 1034
int main(void)
{
    int fd = MUST(syscall(SYS_memfd_create, "name", 3));
    say("cloexec %d seals %d", fcntl(fd, F_GETFD), fcntl(fd, F_GET_SEALS_));
    TRY(ftruncate(fd, 8192));
    char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    strcpy(p, "shared");
    pid_t pid = spawn();
    if (pid == 0) {
        strcpy(p + 10, "child");
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    char text[20] = "";
    pread(fd, text, 16, 0);
    say("%s %s", text, text + 10);
    TRYAS("seal writes while mapped", fcntl(fd, F_ADD_SEALS_, 8));
    munmap(p, 8192);
    TRYAS("seal shrink, grow, write", fcntl(fd, F_ADD_SEALS_, 2 | 4 | 8));
    TRY(write(fd, "x", 1));
    TRY(ftruncate(fd, 100));
    TRY(ftruncate(fd, 10000));
    TRYAS("map writable", (long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    TRYAS("seal seals", fcntl(fd, F_ADD_SEALS_, 1));
    TRYAS("no more", fcntl(fd, F_ADD_SEALS_, 2));
    int plain = MUST(syscall(SYS_memfd_create, "plain", 0));
    TRYAS("not sealable", fcntl(plain, F_ADD_SEALS_, 2));
    TRYAS("bad flags", syscall(SYS_memfd_create, "x", 0x100));
    char link[64] = "", path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", plain);
    readlink(path, link, 63);
    say("%s", link);
    return 0;
}
