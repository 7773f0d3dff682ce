// The errnos of open, and what its flags do.
#include "guest.h"
int main(void)
{
    MUST(mkdir("dir", 0755));
    close(MUST(open("file", O_CREAT | O_RDWR, 0644)));
    symlink("file", "link"), symlink("nothing", "dangling"), symlink("loop", "loop"), symlink("dir", "dirlink");
    char name[300];
    memset(name, 'n', 299), name[299] = 0;
    TRY(open("nothing", O_RDONLY));
    TRY(open("", O_RDONLY));
    TRY(open("file/x", O_RDONLY));
    TRY(open("nodir/x", O_CREAT, 0600));
    TRY(open("dir", O_WRONLY));
    TRY(open("dir", O_RDONLY));
    TRY(open("file", O_RDONLY | O_DIRECTORY));
    TRY(open("file", O_CREAT | O_EXCL, 0600));
    TRY(open("link", O_CREAT | O_EXCL, 0600));
    TRY(open("link", O_RDONLY | O_NOFOLLOW));
    TRY(open("dirlink", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY(open("dangling", O_RDONLY));
    TRY(open("loop", O_RDONLY));
    TRY(open("dangling", O_CREAT | O_WRONLY, 0600));
    TRY(open("nothing", O_RDONLY));
    TRY(open(name, O_RDONLY));
    TRY(open("dir/", O_RDONLY));
    TRY(open("file/", O_RDONLY));
    TRY(open("new/", O_CREAT | O_WRONLY, 0600));
    TRY(open("dir", O_CREAT | O_RDONLY, 0600));
    TRY(openat(99, "file", O_RDONLY));
    TRY(openat(99, "/", O_RDONLY));
    int fd = open("file", O_RDONLY);
    TRY(openat(fd, "x", O_RDONLY));
    TRY(write(fd, "x", 1));
    int wo = open("file", O_WRONLY);
    char c;
    TRY(read(wo, &c, 1));
    int path = open("file", O_PATH);
    TRY(read(path, &c, 1));
    TRY(fstat(path, (struct stat[1]){ 0 }));
    TRY(open("/dev/null", O_RDONLY | O_DIRECTORY));
    TRY(open(".", O_TMPFILE | O_RDONLY, 0600));
    return 0;
}
