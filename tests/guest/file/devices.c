// /dev/null, zero, full, random, urandom, fd, stdin: what reads and writes do.
#include "guest.h"
int main(void)
{
    char b[64];
    memset(b, 1, sizeof b);
    int null = MUST(open("/dev/null", O_RDWR)), zero = MUST(open("/dev/zero", O_RDWR));
    int full = MUST(open("/dev/full", O_RDWR)), random = MUST(open("/dev/urandom", O_RDONLY));
    say("null: read %zd write %zd seek %d", read(null, b, 10), write(null, b, 64), (int)lseek(null, 5, SEEK_SET));
    say("zero: read %zd sum %d write %zd", read(zero, b, 10), b[0] + b[9], write(zero, b, 5));
    say("full: read %zd", read(full, b, 5));
    TRY(write(full, b, 5));
    int sum = 0;
    say("random: read %zd", read(random, b, 64));
    for (int i = 0; i < 64; i++)
        sum |= b[i];
    say("something in it %d", sum != 0);
    char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
    say("zero mapped: %d", map != MAP_FAILED && map[0] == 0);
    int fd[2];
    pipe(fd);
    char path[32];
    snprintf(path, sizeof path, "/dev/fd/%d", fd[1]);
    int again = MUST(open(path, O_WRONLY));
    write(again, "hi", 2);
    say("through /dev/fd: %zd", read(fd[0], b, 10));
    TRY(open("/dev/fd/99", O_RDONLY));
    say("getrandom %ld", syscall(SYS_getrandom, b, 16, 0));
    TRYAS("getrandom flags", syscall(SYS_getrandom, b, 16, 99));
    TRYAS("getrandom bad", syscall(SYS_getrandom, 8, 16, 0));
    return 0;
}
