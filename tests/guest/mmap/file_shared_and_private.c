// A shared file mapping writes the file and sees writes to it; a private one keeps its changes to itself.
#include "guest.h"
int main(void)
{
    int fd = MUST(open("file", O_CREAT | O_RDWR, 0600));
    char text[32] = "";
    write(fd, "0123456789", 10);
    char *s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    char *r = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    s[0] = 'S';
    say("private sees it: %.10s", p);
    p[1] = 'P';
    pread(fd, text, 10, 0);
    say("file %s, shared %.10s, private %.10s, untouched private %.10s", text, s, p, r);
    pwrite(fd, "W", 1, 2);
    say("shared %.10s, private %.10s, untouched private %.10s", s, p, r);
    say("behind the end: %d", s[10] | s[4095]);
    s[20] = 'x';
    struct stat st;
    fstat(fd, &st);
    say("size stays %d", (int)st.st_size);
    pwrite(fd, "Y", 1, 30);
    say("byte 20 %c, byte 30 %c", s[20] ? s[20] : '0', s[30]);
    close(fd);
    unlink("file");
    s[3] = 'L';
    say("after close and unlink: %.5s", s);
    TRY(msync(s, 4096, MS_SYNC));
    TRY(munmap(s, 4096));
    return 0;
}
