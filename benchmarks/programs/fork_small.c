/* fork, _exit in the child, waitpid: a small parent. */
#include "bench.h"
static void repeat(long count)
{
    while (count--) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        end_of(pid);
    }
}
int main(int argc, char **argv) { return measure(argc, argv, 8, repeat); }
