// A long random walk over mmap, munmap, mprotect, mremap, madvise, ftruncate, fork and stores, in one window of
// addresses: after each step the protection of every page and a sum over what can be read.
// timeout: 60
#include "guest.h"
#include <setjmp.h>
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
enum { PAGE = 4096, PAGES = 40, STEPS = 60 };
static char *const window = (char *)0x40000000;
static uint64_t state = 7;
static sigjmp_buf escape;
static volatile int fault;
static int files[2];
static unsigned pick(unsigned limit)
{
    state = state * 6364136223846793005UL + 1442695040888963407UL;
    return (state >> 33) % limit;
}
static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    fault = number * 10 + info->si_code;
    siglongjmp(escape, 1);
}
static int store(char *at, int value)
{
    if (sigsetjmp(escape, 1))
        return fault;
    *(volatile int *)at = value;
    return 0;
}
static int load(char *at)
{
    if (sigsetjmp(escape, 1))
        return -fault;
    return *(volatile int *)at;
}
static void show(const char *what, int first, int count, const char *result)
{
    char map[PAGES + 1], line[512];
    memset(map, '.', PAGES), map[PAGES] = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps)) {
        unsigned long start, end;
        char r, w, x, s;
        sscanf(line, "%lx-%lx %c%c%c%c", &start, &end, &r, &w, &x, &s);
        for (int i = 0; i < PAGES; i++)
            if ((unsigned long)window + i * PAGE >= start && (unsigned long)window + i * PAGE < end)
                map[i] = "0123456789abcdef"[(r == 'r') | (w == 'w') << 1 | (x == 'x') << 2 | (s == 's') << 3];
    }
    fclose(maps);
    unsigned sum = 0;
    for (int i = 0; i < PAGES; i++)
        sum = sum * 31 + load(window + i * PAGE);
    say("%s %d+%d %s %s %08x", what, first, count, result, map, sum);
}
static void *map(char *at, int count, int prot, int flags, int fd)
{
    return mmap(at, count * PAGE, prot, flags | MAP_FIXED, fd, fd < 0 ? 0 : pick(16) * PAGE);
}
static const char *step(int number, int first, int count, int depth)
{
    static const int advice[] = { MADV_DONTNEED, MADV_DONTNEED, MADV_REMOVE, MADV_DONTFORK, MADV_DOFORK,
                                  MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_POPULATE_READ, MADV_POPULATE_WRITE };
    char *at = window + first * PAGE;
    int prot = pick(8), more = pick(2) ? PROT_READ | PROT_WRITE : 0, kind = pick(2) ? MAP_SHARED : MAP_PRIVATE;
    switch (pick(12)) {
    case 0: case 1:
        return outcome((long)map(at, count, prot | more, MAP_PRIVATE | MAP_ANONYMOUS, -1));
    case 2:
        return outcome((long)map(at, count, prot | more, MAP_SHARED | MAP_ANONYMOUS, -1));
    case 3: case 4:
        return outcome((long)map(at, count, prot | PROT_READ, kind, files[pick(2)]));
    case 5:
        return outcome(munmap(at, count * PAGE));
    case 6:
        return outcome(mprotect(at, count * PAGE, prot));
    case 7:
        count = 1;
        return outcome(syscall(SYS_mremap, at, PAGE, (1 + pick(4)) * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
                               window + pick(PAGES - 4) * PAGE));
    case 8:
        return outcome(madvise(at, count * PAGE, advice[pick(NELEM(advice))]));
    case 9:
        return outcome(ftruncate(files[pick(2)], pick(20) * PAGE + pick(2) * 100));
    case 10:
        if (depth < 4)
            return NULL;
    }
    for (int i = 0; i < count; i++)
        if (store(at + i * PAGE, number * 100 + i))
            return "faults";
    return "stored";
}
int main(void)
{
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    sigaction(SIGSEGV, &action, NULL), sigaction(SIGBUS, &action, NULL);
    for (int i = 0; i < 2; i++) {
        files[i] = MUST(open(i ? "two" : "one", O_RDWR | O_CREAT, 0600));
        for (int page = 0; page < 20; page++)
            pwrite(files[i], (int[]){ 1000 * i + page }, 4, page * PAGE);
    }
    for (int number = 0, depth = 0; number < STEPS; number++) {
        int first = pick(PAGES - 8), count = 1 + pick(8);
        const char *result = step(number, first, count, depth);
        if (!result) {
            pid_t pid = spawn();
            if (pid == 0)
                depth = 4;
            else
                reap(pid, "child"), depth++;
            result = "forked";
        }
        char name[16];
        snprintf(name, sizeof name, "%d%s", number, depth >= 4 ? "c" : "");
        show(name, first, count, result);
    }
    return 0;
}
