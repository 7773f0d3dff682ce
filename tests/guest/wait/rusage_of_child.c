// wait4 tells the child's resources; they are added to RUSAGE_CHILDREN when it is waited for, not before.
#include "guest.h"
static long us(struct rusage usage)
{
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}
int main(void)
{
    pid_t pid = spawn();
    if (pid == 0) {
        char *p = mmap(NULL, 100 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (int i = 0; i < 100; i++)
            p[i << 12] = 1;
        burn_ms(20);
        _exit(0);
    }
    until_state(pid, 'Z');
    struct rusage before, after, child;
    getrusage(RUSAGE_CHILDREN, &before);
    wait4(pid, NULL, 0, &child);
    getrusage(RUSAGE_CHILDREN, &after);
    say("before: %ld %ld", us(before), before.ru_minflt);
    say("child: CPU time %d, faults %d", us(child) >= 19000, child.ru_minflt >= 100);
    say("after: same time %d, same faults %d", labs(us(after) - us(child)) < 1000,
        after.ru_minflt == child.ru_minflt);
    return 0;
}
