// /proc/self/maps: a line for each mapping, its bits, its file; merged and split as mappings are.
#include "guest.h"
static void show(const char *when, char *at, int pages)
{
    FILE *f = fopen("/proc/self/maps", "r");
    char line[512], bits[8], name[400];
    unsigned long a, b, offset;
    say("%s:", when);
    while (f && fgets(line, sizeof line, f)) {
        name[0] = 0;
        if (sscanf(line, "%lx-%lx %4s %lx %*s %*s %399s", &a, &b, bits, &offset, name) < 4)
            continue;
        if (a >= (unsigned long)at && b <= (unsigned long)at + (pages << 12))
            say("  %lu-%lu %s %lx %s", (a - (unsigned long)at) >> 12, (b - (unsigned long)at) >> 12, bits, offset,
                strrchr(name, '/') ? strrchr(name, '/') + 1 : name);
    }
    fclose(f);
}
static int has(const char *what)
{
    FILE *f = fopen("/proc/self/maps", "r");
    char line[512];
    int found = 0;
    while (f && fgets(line, sizeof line, f))
        found += strstr(line, what) != NULL;
    fclose(f);
    return found;
}
int main(void)
{
    enum { RW = PROT_READ | PROT_WRITE, AP = MAP_PRIVATE | MAP_ANONYMOUS };
    char *p = mmap(NULL, 12 << 12, PROT_NONE, AP, -1, 0) + 4096;
    mmap(p, 10 << 12, RW, AP | MAP_FIXED, -1, 0);
    show("one", p, 10);
    mprotect(p + (2 << 12), 2 << 12, PROT_READ);
    show("split", p, 10);
    mprotect(p + (2 << 12), 2 << 12, RW);
    show("merged", p, 10);
    int fd = MUST(open("file", O_CREAT | O_RDWR, 0600));
    ftruncate(fd, 8 << 12);
    mmap(p + (4 << 12), 2 << 12, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 3 << 12);
    mmap(p + (6 << 12), 1 << 12, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 5 << 12);
    munmap(p + (8 << 12), 4096);
    show("files and a hole", p, 10);
    say("stack %d, program itself %d", has("[stack]"), has("maps_lines") > 0);
    return 0;
}
