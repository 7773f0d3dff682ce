// preadv2 and pwritev2: each flag on each kind of file.
#include "guest.h"
#include <sys/socket.h>
#include <sys/uio.h>
#define READ(fd, pos, flags) syscall(SYS_preadv2, fd, &iov, 1L, (long)(pos), 0L, flags)
#define WRITE(fd, pos, flags) syscall(SYS_pwritev2, fd, &iov, 1L, (long)(pos), 0L, flags)
static char buf[8] = "abcdefg";
static struct iovec iov = { buf, 4 };
int main(void)
{
    int file = MUST(open("f", O_CREAT | O_RDWR, 0600)), p[2], s[2], app = MUST(open("f", O_WRONLY | O_APPEND));
    int mem = MUST(memfd_create("m", 0)), shm = MUST(open("/dev/shm", O_TMPFILE | O_RDWR, 0600)), null = MUST(open("/dev/null", O_RDWR));
    MUST(pipe(p)), MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    struct { const char *name; int fd; } files[] = { { "file", file }, { "memfd", mem }, { "tmpfs", shm }, { "null", null }, { "pipe", p[1] }, { "socket", s[0] } };
    for (int i = 0; i < NELEM(files); i++)
        for (int bit = 0; bit < 10; bit++) {
            long n = WRITE(files[i].fd, -1, 1 << bit);
            say("write %s flag %x: %s %ld", files[i].name, 1 << bit, outcome(n), n);
        }
    lseek(file, 0, SEEK_SET), lseek(mem, 0, SEEK_SET), lseek(shm, 0, SEEK_SET);
    files[4].fd = p[0], files[5].fd = s[1];
    for (int i = 0; i < NELEM(files); i++)
        for (int bit = 0; bit < 10; bit++) {
            if (i >= 4 && bit == 3)
                for (char all[200]; recv(files[i].fd, all, 200, MSG_DONTWAIT) > 0 || (i == 4 && fcntl(p[0], F_SETFL, O_NONBLOCK) == 0 && read(p[0], all, 200) > 0);)
                    ;
            fcntl(p[0], F_SETFL, 0);
            if (i >= 4 && bit > 3)
                write(i == 4 ? p[1] : s[0], "more", 4);
            long n = READ(files[i].fd, -1, 1 << bit);
            say("read %s flag %x: %s %ld", files[i].name, 1 << bit, outcome(n), n);
        }
    struct stat st;
    ftruncate(file, 10);
    say("append at 2: %ld", WRITE(file, 2, 0x10));
    fstat(file, &st);
    say("size %d", (int)st.st_size);
    lseek(file, 1, SEEK_SET);
    say("append at its position: %ld", WRITE(file, -1, 0x10));
    say("position %d", (int)lseek(file, 0, SEEK_CUR));
    say("against O_APPEND: %ld", WRITE(app, 3, 0x20));
    fstat(file, &st);
    say("size %d", (int)st.st_size);
    int q[2];
    MUST(pipe(q));
    close(q[0]);
    signal(SIGPIPE, SIG_DFL);
    TRYAS("no reader, no signal", WRITE(q[1], -1, 0x100));
    TRYAS("both", WRITE(app, 3, 0x30));
    TRYAS("append and nowait", WRITE(file, 3, 0x18));
    TRYAS("at -2", READ(file, -2, 0));
    TRYAS("pipe at 0", READ(p[0], 0, 0));
    TRYAS("unknown", READ(file, 0, 0x10000));
    return 0;
}
