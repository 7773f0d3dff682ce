/* The least system call. */
#include "bench.h"
static void repeat(long count)
{
    while (count--)
        syscall(SYS_getppid);
}
int main(int argc, char **argv) { return measure(argc, argv, 1000, repeat); }
