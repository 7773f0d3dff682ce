// Seals of a memfd against mappings that write; remap_file_pages shows pages in another order.
#include "guest.h"
enum { PAGE = 4096 };
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_SEAL_WRITE 8
#endif
int main(void)
{
    int fd = MUST(syscall(SYS_memfd_create, "x", 2));
    MUST(ftruncate(fd, 4 * PAGE));
    char *p = MUST(mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    for (int i = 0; i < 4; i++)
        p[i * PAGE] = '0' + i;
    TRY(syscall(SYS_remap_file_pages, p, PAGE, 0, 2, 0));
    TRY(syscall(SYS_remap_file_pages, p + PAGE, 2 * PAGE, 0, 0, 0));
    say("%c%c%c%c", p[0], p[PAGE], p[2 * PAGE], p[3 * PAGE]);
    p[2 * PAGE] = 'x';
    char text[2] = "";
    pread(fd, text, 1, PAGE);
    say("page 1 is %s", text);
    TRY(syscall(SYS_remap_file_pages, p, PAGE, PROT_READ, 2, 0));
    char *other = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRY(syscall(SYS_remap_file_pages, other, PAGE, 0, 0, 0));
    TRY(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    TRY(munmap(p, 4 * PAGE));
    char *private = MUST(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
    TRY(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    TRY(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    private[0] = 'p';
    pread(fd, text, 1, 0);
    say("private %c, file %s", private[0], text);
    return 0;
}
