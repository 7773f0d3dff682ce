// stat, statx, utimensat: kinds, times set and kept, UTIME_OMIT, device numbers, errors.
#include "guest.h"
#include <sys/sysmacros.h>
int main(void)
{
    struct stat st;
    int fd = MUST(open("file", O_CREAT | O_RDWR, 0640));
    write(fd, "12345", 5);
    struct timespec times[2] = { { 1000, 5 }, { 2000, 7 } };
    TRY(utimensat(AT_FDCWD, "file", times, 0));
    stat("file", &st);
    say("%ld.%ld %ld.%ld", (long)st.st_atim.tv_sec, st.st_atim.tv_nsec, (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    times[0].tv_nsec = UTIME_OMIT, times[1] = (struct timespec){ 3000, 1 };
    TRY(futimens(fd, times));
    fstat(fd, &st);
    say("%ld %ld", (long)st.st_atim.tv_sec, (long)st.st_mtim.tv_sec);
    say("mode %o size %d blksize %d", st.st_mode, (int)st.st_size, (int)st.st_blksize);
    write(fd, "6", 1);
    fstat(fd, &st);
    say("a write moves mtime: %d", st.st_mtim.tv_sec > 100000);
    times[0].tv_nsec = 2000000000;
    TRY(utimensat(AT_FDCWD, "file", times, 0));
    TRY(utimensat(AT_FDCWD, "nothing", NULL, 0));
    stat("/dev/null", &st);
    say("null: %o %u %u", st.st_mode & S_IFMT, major(st.st_rdev), minor(st.st_rdev));
    fstat(fd, &st);
    struct stat again;
    stat("file", &again);
    say("same file %d", st.st_ino == again.st_ino && st.st_dev == again.st_dev);
    symlink("file", "link");
    lstat("link", &st);
    say("link: %o size %d", st.st_mode & S_IFMT, (int)st.st_size);
    fstatat(fd, "", &st, AT_EMPTY_PATH);
    say("empty path: same %d", st.st_ino == again.st_ino);
    TRY(fstatat(AT_FDCWD, "", &st, 0));
    TRY(fstatat(AT_FDCWD, "file", &st, 0x4));
    TRY(fstat(99, &st));
    struct { uint32_t mask, blksize; uint64_t attributes; uint32_t nlink, uid, gid; uint16_t mode; char rest[300]; } x;
    TRYAS("statx", syscall(SYS_statx, AT_FDCWD, "file", 0, 0x7ff, &x));
    say("statx: basic %d mode %o links %u", (x.mask & 0x7ff) == 0x7ff, x.mode, x.nlink);
    TRYAS("statx reserved bit", syscall(SYS_statx, AT_FDCWD, "file", 0, 0x80000000, &x));
    TRYAS("access", access("file", R_OK | W_OK));
    TRYAS("access bits", access("file", 99));
    TRYAS("access none", access("nothing", F_OK));
    return 0;
}
