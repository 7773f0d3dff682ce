// Untouched anonymous memory reads as zero, also after fork, and a write to it is private.
#include "guest.h"
int main(void)
{
    volatile char *p = mmap(NULL, 16 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int sum = 0;
    for (int i = 0; i < 8; i++)
        sum += p[i << 12];
    pid_t pid = spawn();
    if (pid == 0) {
        for (int i = 0; i < 16; i++)
            sum += p[i << 12], p[i << 12] = 1;
        _exit(sum);
    }
    reap(pid, "child");
    for (int i = 0; i < 16; i++)
        sum += p[i << 12];
    say("parent %d", sum);
    p[0] = 5;
    say("%d %d", p[0], p[4096]);
    return 0;
}
