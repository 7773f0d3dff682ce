// Resource statistics and children's statistics start at zero in the child.
#include "guest.h"
int main(void)
{
    pid_t pid = spawn();
    if (pid == 0) {
        burn_ms(5);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    burn_ms(30);
    char *p = mmap(NULL, 64 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 64; i++)
        p[i << 12] = 1;
    struct rusage mine;
    getrusage(RUSAGE_SELF, &mine);
    say("parent faults at least 64: %d", mine.ru_minflt >= 64);
    pid = spawn();
    if (pid == 0) {
        struct rusage usage, children;
        getrusage(RUSAGE_SELF, &usage);
        getrusage(RUSAGE_CHILDREN, &children);
        say("less CPU time than the parent: %d", cpu_us(RUSAGE_SELF) < 20000);
        say("fewer faults than the parent: %d", usage.ru_minflt < mine.ru_minflt);
        say("children: %ld %ld %ld", (long)children.ru_utime.tv_sec, (long)children.ru_utime.tv_usec,
            children.ru_minflt);
        struct tms { long u, s, cu, cs; } t;
        syscall(SYS_times, &t);
        say("times: children %ld %ld", t.cu, t.cs);
        _exit(0);
    }
    reap(pid, "child");
    return 0;
}
