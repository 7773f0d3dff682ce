/* fork, _exit in the child, waitpid: the parent has touched 1 GiB in pages of 4 KiB. */
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
int main(int argc, char **argv)
{
    size_t size = (size_t)(argc > 2 ? atol(argv[2]) : 1024) << 20;
    char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        die("mmap");
    madvise(p, size, MADV_NOHUGEPAGE);
    for (size_t at = 0; at < size; at += 4096)
        p[at] = 1;
    return measure(argc, argv, 1, repeat);
}
