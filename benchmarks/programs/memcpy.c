/* User code only: the C library's memcpy of 64 KiB. */
#include "bench.h"
static char from[65536], to[65536];
static void repeat(long count)
{
    while (count--) {
        memcpy(to, from, sizeof to);
        __asm__ volatile("" : : "r"(to), "r"(from) : "memory"); // so that it is not left out
    }
}
int main(int argc, char **argv) { return measure(argc, argv, 100, repeat); }
