// Writes of PIPE_BUF or less never mix, whoever writes.
#include "guest.h"
int main(void)
{
    int fd[2];
    MUST(pipe(fd));
    enum { WRITERS = 4, EACH = 50, SIZE = 1000 };
    for (int w = 0; w < WRITERS; w++)
        if (spawn() == 0) {
            char block[SIZE];
            memset(block, 'A' + w, SIZE);
            for (int i = 0; i < EACH; i++)
                if (write(fd[1], block, SIZE) != SIZE)
                    _exit(1);
            _exit(0);
        }
    close(fd[1]);
    char block[SIZE];
    int counts[WRITERS] = { 0 }, mixed = 0;
    for (;;) {
        size_t at = 0;
        ssize_t n;
        while (at < SIZE && (n = read(fd[0], block + at, SIZE - at)) > 0)
            at += n;
        if (at < SIZE)
            break;
        for (int i = 1; i < SIZE; i++)
            mixed += block[i] != block[0];
        counts[block[0] - 'A']++;
    }
    say("%d %d %d %d mixed %d", counts[0], counts[1], counts[2], counts[3], mixed);
    while (wait(NULL) > 0) {
    }
    return 0;
}
