// sendfile between files and pipes, with and without an offset.
#include "guest.h"
#include <sys/sendfile.h>
int main(void)
{
    int in = MUST(open("in", O_CREAT | O_RDWR, 0600)), out = MUST(open("out", O_CREAT | O_RDWR, 0600));
    char data[10000], back[10000];
    for (int i = 0; i < 10000; i++)
        data[i] = 'a' + i % 26;
    write(in, data, 10000);
    lseek(in, 0, SEEK_SET);
    say("%zd", sendfile(out, in, NULL, 4000));
    say("offset %d", (int)lseek(in, 0, SEEK_CUR));
    off_t at = 4000;
    say("%zd, offset %d", sendfile(out, in, &at, 100000), (int)at);
    say("file's own stays %d", (int)lseek(in, 0, SEEK_CUR));
    pread(out, back, 10000, 0);
    say("same %d", memcmp(data, back, 10000) == 0);
    int fd[2];
    pipe(fd);
    at = 0;
    say("to a pipe %zd", sendfile(fd[1], in, &at, 100));
    say("read %zd", read(fd[0], back, 200));
    TRY(sendfile(99, in, NULL, 1));
    TRY(sendfile(out, 99, NULL, 1));
    TRY(sendfile(out, fd[0], NULL, 1));
    say("at the end %zd", (lseek(in, 0, SEEK_END), sendfile(out, in, NULL, 10)));
    return 0;
}
