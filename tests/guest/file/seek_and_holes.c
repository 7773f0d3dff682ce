// lseek, pread, pwrite, holes, truncate, SEEK_DATA and SEEK_HOLE, readv and writev.
#include "guest.h"
#include <sys/uio.h>
int main(void)
{
    int fd = MUST(open("file", O_CREAT | O_RDWR, 0600));
    char c[16] = "";
    say("%d", (int)lseek(fd, 100000, SEEK_SET));
    say("%zd at the end", read(fd, c, 1));
    write(fd, "end", 3);
    struct stat st;
    fstat(fd, &st);
    say("size %d", (int)st.st_size);
    say("hole reads %zd zero %d", pread(fd, c, 4, 5000), c[0]);
    say("offset stays %d", (int)lseek(fd, 0, SEEK_CUR));
    say("from the end %d", (int)lseek(fd, -3, SEEK_END));
    say("read %zd %.3s", read(fd, c, 10), c);
    TRY(lseek(fd, -1, SEEK_SET));
    TRY(lseek(fd, 0, 99));
    TRY(pread(fd, c, 1, -1));
    say("pwrite %zd", pwrite(fd, "mid", 3, 50000));
    TRY(ftruncate(fd, 50001));
    say("%zd %.1s", pread(fd, c, 10, 50000), c);
    TRY(ftruncate(fd, -1));
    TRY(truncate("nothing", 0));
    TRY(truncate(".", 0));
    say("hole at the end %d", (int)lseek(fd, 50000, SEEK_HOLE) == 50001);
    TRY(lseek(fd, 50001, SEEK_DATA));
    struct iovec out[3] = { { "one", 3 }, { "", 0 }, { "three", 5 } };
    lseek(fd, 0, SEEK_SET);
    say("writev %zd", writev(fd, out, 3));
    char x[5] = "", y[10] = "";
    struct iovec in[2] = { { x, 4 }, { y, 9 } };
    say("preadv %zd '%s' '%.4s'", preadv(fd, in, 2, 0), x, y);
    TRYAS("too many parts", syscall(SYS_writev, fd, out, 1025));
    TRYAS("negative count", syscall(SYS_writev, fd, out, -1));
    say("no parts %zd", writev(fd, out, 0));
    int p[2];
    pipe(p);
    TRY(lseek(p[0], 0, SEEK_CUR));
    TRY(pread(p[0], c, 1, 0));
    return 0;
}
