// exec gives fresh memory: bss is zero, mappings and locks are gone, the break is where it starts.
#include "guest.h"
static int bss[10000];
int main(int argc, char **argv)
{
    if (argc > 1) {
        int sum = 0;
        for (int i = 0; i < NELEM(bss); i++)
            sum |= bss[i];
        char *old = (char *)strtoul(argv[1], NULL, 16);
        say("bss %d, old mapping: %s", sum, msync(old, 4096, MS_ASYNC) == -1 ? err(errno) : "there");
        return 0;
    }
    memset(bss, 1, sizeof bss);
    char *page = mmap((void *)0x600000000000, 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (page == MAP_FAILED)
        die("mmap");
    char text[32];
    snprintf(text, sizeof text, "%lx", (unsigned long)page);
    char *args[] = { argv[0], text, NULL };
    execv(argv[0], args);
    return 1;
}
