// Calls given memory that is not there, not writable, or ends in the middle: EFAULT, or a short count.
#include "guest.h"
#include <sys/uio.h>
int main(void)
{
    enum { RW = PROT_READ | PROT_WRITE, AP = MAP_PRIVATE | MAP_ANONYMOUS };
    char *p = mmap(NULL, 8192, RW, AP, -1, 0);
    char *ro = mmap(NULL, 4096, PROT_READ, AP, -1, 0);
    mprotect(p + 4096, 4096, PROT_NONE);
    int fd = MUST(open("file", O_CREAT | O_RDWR, 0600));
    char data[300];
    memset(data, 'x', sizeof data);
    write(fd, data, 300);
    lseek(fd, 0, SEEK_SET);
    TRYAS("read to nowhere", read(fd, (void *)8, 10));
    TRYAS("read to read-only", read(fd, ro, 10));
    TRYAS("write from nowhere", write(fd, (void *)8, 10));
    say("write up to the edge: %zd", write(fd, p + 4000, 300));
    struct iovec v[2] = { { data, 10 }, { (void *)8, 10 } };
    lseek(fd, 0, SEEK_SET);
    say("readv, second part bad: %zd", readv(fd, v, 2));
    TRYAS("stat", syscall(SYS_stat, "file", 8));
    TRYAS("stat of a path nowhere", syscall(SYS_stat, 8, p));
    strcpy(p + 4090, "abcde");
    TRYAS("path at the edge", open(p + 4090, O_RDONLY));
    memcpy(p + 4090, "abcdef", 6);
    TRYAS("path over the edge", open(p + 4090, O_RDONLY));
    TRYAS("pipe", syscall(SYS_pipe, ro));
    TRYAS("getcwd", syscall(SYS_getcwd, ro, 4096));
    TRYAS("kernel memory", read(fd, (void *)0xffff888000000000, 10));
    TRYAS("uname", syscall(SYS_uname, 8));
    return 0;
}
