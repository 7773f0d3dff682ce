// Thirty-two MiB shared by fork: single pages changed on either side, far apart, near the ends of page tables.
#include "guest.h"
int main(void)
{
    enum { PAGES = 8192 };
    unsigned *p = mmap(NULL, (size_t)PAGES << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i < PAGES; i++)
        p[i << 10] = i;
    const unsigned parent_writes[] = { 0, 511, 512, 513, 4095, 8191 }, child_writes[] = { 1, 511, 1023, 1024, 4096, 8191 };
    struct gate a = new_gate(), b = new_gate();
    pid_t pid = spawn();
    if (pid == 0) {
        for (int i = 0; i < 6; i++)
            p[child_writes[i] << 10] += 100000;
        open_gate(a);
        pass_gate(b);
    } else {
        pass_gate(a);
        for (int i = 0; i < 6; i++)
            p[parent_writes[i] << 10] += 200000;
        open_gate(b);
        reap(pid, "child");
    }
    unsigned long sum = 0, changed = 0;
    for (unsigned i = 0; i < PAGES; i++)
        sum += p[i << 10], changed += p[i << 10] != i;
    say("%s: changed %lu, sum %lu", pid ? "parent" : "child", changed, sum);
    return 0;
}
