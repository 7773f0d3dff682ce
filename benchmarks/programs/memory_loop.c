/* User code only: a load, an add and a store, through 4 MiB in order; with argv[2] "pages" another page each step. */
#include "bench.h"
enum { WORDS = 1 << 19 };
static volatile uint64_t words[WORDS];
static uint64_t stride = 1;
static void repeat(long count)
{
    uint64_t at = 1;
    while (count--) {
        words[at] = words[at] + 1;
        at = (at + stride) & (WORDS - 1);
    }
}
int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[2], "pages") == 0)
        stride = 4099;
    return measure(argc, argv, 100000, repeat);
}
