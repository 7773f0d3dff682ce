// Memory policies on a machine with one node: set_mempolicy, get_mempolicy, mbind, set_mempolicy_home_node,
// migrate_pages, move_pages.
#include "guest.h"
#define PAGE 4096
enum { DEFAULT, PREFERRED, BIND, INTERLEAVE, LOCAL };
enum { NODE = 1, ADDR = 2, MEMS_ALLOWED = 4 };
#define STATIC (1 << 15)
#define RELATIVE (1 << 14)
#define BALANCING (1 << 13)
static unsigned long none = 0, node0 = 1, node1 = 2, both = 3, big[64];

static long get(int *mode, unsigned long *nodes, unsigned long max, void *addr, unsigned long flags)
{
    return syscall(SYS_get_mempolicy, mode, nodes, max, addr, flags);
}
static long set(int mode, const void *nodes, unsigned long max) { return syscall(SYS_set_mempolicy, mode, nodes, max); }
static long bind(void *addr, unsigned long size, int mode, const void *nodes, unsigned flags)
{
    return syscall(SYS_mbind, addr, size, mode, nodes, nodes ? 64 : 0, flags);
}
static long home(void *addr, unsigned long size, unsigned long node, unsigned long flags)
{
    return syscall(SYS_set_mempolicy_home_node, addr, size, node, flags);
}
static void show(const char *name, void *addr, unsigned flags)
{
    int mode = -1;
    unsigned long nodes[16];
    memset(nodes, 0xee, sizeof nodes);
    if (get(&mode, nodes, 1024, addr, flags))
        say("%s: %s", name, err(errno));
    else
        say("%s: mode %x nodes %lx %lx", name, mode, nodes[0], nodes[1]);
}
static void all_modes(void)
{
    struct { const char *name; unsigned long *nodes; } masks[] = {
        { "null", 0 }, { "none", &none }, { "0", &node0 }, { "1", &node1 }, { "0+1", &both },
    };
    unsigned flags[] = { 0, STATIC, RELATIVE, BALANCING };
    char name[50];
    for (int mode = 0; mode < 9; mode++)
        for (int i = 0; i < NELEM(masks); i++)
            for (int j = 0; j < NELEM(flags); j++) {
                long got = set(mode | flags[j], masks[i].nodes, masks[i].nodes ? 64 : 0);
                sprintf(name, "set %d %x %s", mode, flags[j], masks[i].name);
                say("%s: %s", name, outcome(got));
                if (!got)
                    show("  task", 0, 0);
            }
    set(DEFAULT, 0, 0);
}
static void masks(void)
{
    int mode;
    TRY(set(BIND, &node0, 0));
    TRY(set(BIND, &node0, 1));
    TRY(set(BIND, &node0, 2));
    TRY(set(BIND, &node0, 100000));
    TRY(set(BIND, (void *)8, 64));
    TRY(set(-1, &node0, 64));
    big[0] = 1;
    TRY(set(BIND, big, 4096));
    big[20] = 1;
    TRY(set(BIND, big, 4096));
    TRY(set(BIND, big, 1024));
    TRY(get(&mode, 0, 0, 0, 0));
    say("mode %d", mode);
    TRY(get(0, big, 64, 0, 0));
    TRY(get(0, big, 0, 0, 0));
    TRY(get(0, big, 1, 0, 0));
    TRY(get(&mode, big, 1024, 0, MEMS_ALLOWED));
    say("allowed %lx", big[0]);
    TRY(get(&mode, big, 1024, 0, MEMS_ALLOWED | NODE));
    TRY(get(&mode, big, 1024, 0, 8));
    TRY(get(&mode, 0, 0, 0, NODE));
    set(INTERLEAVE, &node0, 64);
    TRY(get(&mode, 0, 0, 0, NODE));
    say("next node %d", mode);
    set(DEFAULT, 0, 0);
}
static int areas(char *from, char *to)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[300], *start;
    int count = 0;
    while (fgets(line, sizeof line, maps))
        if (sscanf(line, "%p", (void **)&start) == 1 && start >= from && start < to)
            count++;
    fclose(maps);
    return count;
}
static void of_areas(char *m)
{
    int mode;
    TRY(get(&mode, 0, 0, m, NODE));
    TRY(get(&mode, 0, 0, m, 0));
    TRY(get(&mode, 0, 0, (void *)8, ADDR));
    TRY(get(&mode, 0, 0, 0, ADDR | NODE));
    show("an area", m, ADDR);
    say("its node: %ld %d", get(&mode, 0, 0, m, ADDR | NODE), mode);
    TRY(bind(m + PAGE, 4 * PAGE, BIND, &node0, 0));
    show("bound", m + PAGE, ADDR);
    show("before", m, ADDR);
    show("last", m + 4 * PAGE, ADDR);
    show("after", m + 5 * PAGE, ADDR);
    say("areas %d", areas(m, m + 16 * PAGE));
    TRY(bind(m + 1, PAGE, BIND, &node0, 0));
    TRY(bind(m, PAGE - 1, BIND, &node0, 0));
    TRY(bind(m, 0, BIND, &node0, 0));
    TRY(bind(m, PAGE, BIND, &node0, 8));
    TRY(bind(m, PAGE, BIND, &node0, 4));
    TRY(bind(m, PAGE, BIND, &node0, 7));
    TRY(bind(m, 1UL << 47, BIND, &node0, 0));
    TRY(bind(m, PAGE, BIND, &node1, 0));
    TRY(bind(m, PAGE, DEFAULT, &node0, 0));
    TRY(bind(m, PAGE, DEFAULT, 0, 0));
    TRY(bind(m, PAGE, DEFAULT, &none, 0));
    TRY(bind(m, PAGE, 9, &node0, 0));
    TRY(bind(m, PAGE, BIND | STATIC | RELATIVE, &node0, 0));
    say("areas %d", areas(m, m + 16 * PAGE));
    TRY(bind(m, 16 * PAGE, DEFAULT, 0, 0));
    say("areas %d", areas(m, m + 16 * PAGE));
    munmap(m + 15 * PAGE, PAGE);
    TRY(bind(m + 14 * PAGE, 2 * PAGE, INTERLEAVE, &node0, 0));
    show("before the hole", m + 14 * PAGE, ADDR);
    TRY(bind(m + 15 * PAGE, PAGE, DEFAULT, 0, 0));
    TRY(bind(m + 14 * PAGE, 2 * PAGE, DEFAULT, 0, 0));
}
static void inherited(char *m)
{
    bind(m + PAGE, 4 * PAGE, BIND | STATIC, &node0, 0);
    set(INTERLEAVE, &node0, 64);
    int pid = fork();
    if (!pid) {
        show("child's area", m + PAGE, ADDR);
        show("child's other area", m, ADDR);
        show("child", 0, 0);
        set(DEFAULT, 0, 0);
        bind(m, 4 * PAGE, DEFAULT, 0, 0);
        _exit(0);
    }
    waitpid(pid, 0, 0);
    show("still", m + PAGE, ADDR);
    show("task", 0, 0);
}
static void statuses(const int *status)
{
    say("  %d %d %d %d %d %d", status[0], status[1], status[2], status[3], status[4], status[5]);
}
static void places(char *m)
{
    m[0] = 1;
    volatile char zero = m[2 * PAGE];
    void *pages[] = { m, m + PAGE, m + 2 * PAGE, (void *)places, (void *)8, m + 3 };
    int status[6], same[6] = { 0 }, other[6] = { 0, 0, 1 };
    memset(status, 9, sizeof status);
    TRY(syscall(SYS_move_pages, 0, 6, pages, 0, status, 0));
    statuses(status);
    memset(status, 9, sizeof status);
    TRY(syscall(SYS_move_pages, 0, 6, pages, same, status, 2));
    statuses(status);
    memset(status, 9, sizeof status);
    TRY(syscall(SYS_move_pages, 0, 6, pages, other, status, 2));
    statuses(status);
    TRY(syscall(SYS_move_pages, 0, 6, pages, 0, status, 1));
    TRY(syscall(SYS_move_pages, 0, 6, pages, 0, status, 8));
    TRY(syscall(SYS_move_pages, 4000000, 6, pages, 0, status, 0));
    TRY(syscall(SYS_move_pages, 0, 0, pages, 0, status, 0));
    TRY(syscall(SYS_move_pages, 0, 1, 8, 0, status, 0));
    TRY(syscall(SYS_move_pages, 0, 1, pages, 0, 8, 0));
    TRY(syscall(SYS_migrate_pages, 0, 64, &node0, &node0));
    TRY(syscall(SYS_migrate_pages, 0, 64, &node0, &node1));
    TRY(syscall(SYS_migrate_pages, 0, 64, &node1, &node0));
    TRY(syscall(SYS_migrate_pages, 4000000, 64, &node0, &node0));
    TRY(syscall(SYS_migrate_pages, 0, 64, 0, &node0));
    TRY(syscall(SYS_migrate_pages, 0, 100000, &node0, &node0));
    TRY(syscall(SYS_migrate_pages, 0, 64, &node0, &none));
    TRY(home(m + PAGE, PAGE, 0, 0));
    show("home", m + PAGE, ADDR);
    TRY(home(m, PAGE, 0, 0));
    TRY(home(m + PAGE, PAGE, 1, 0));
    TRY(home(m + PAGE, PAGE, 0, 1));
    TRY(home(m + PAGE + 1, PAGE, 0, 0));
    TRY(home(m + PAGE, 0, 0, 0));
    TRY(home(m + 6 * PAGE, PAGE, 0, 0));
    bind(m + 6 * PAGE, PAGE, INTERLEAVE, &node0, 0);
    TRY(home(m + 6 * PAGE, PAGE, 0, 0));
    TRY(home(m + PAGE, 12 * PAGE, 0, 0));
}
int main(void)
{
    show("task", 0, 0);
    all_modes();
    masks();
    char *m = mmap(0, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    of_areas(m);
    inherited(m);
    places(m);
    return 0;
}
