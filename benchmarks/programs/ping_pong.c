/* A byte there and back between two processes through two pipes: one round trip. */
#include "bench.h"
static int there[2], back[2];
static void repeat(long count)
{
    char c = 'x';
    while (count--)
        if (write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1)
            die("ping");
}
int main(int argc, char **argv)
{
    if (pipe(there) || pipe(back))
        die("pipe");
    pid_t pid = fork();
    if (pid == 0) {
        char c;
        close(there[1]);
        while (read(there[0], &c, 1) == 1)
            if (write(back[1], &c, 1) != 1)
                break;
        _exit(0);
    }
    int status = measure(argc, argv, 100, repeat);
    close(there[1]);
    end_of(pid);
    return status;
}
