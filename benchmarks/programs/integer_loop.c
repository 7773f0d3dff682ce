/* User code only: integer arithmetic, a step of a generator. */
#include "bench.h"
static volatile uint64_t sink;
static void repeat(long count)
{
    uint64_t x = 88172645463325252u;
    while (count--) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x += x % 1000003;
    }
    sink = x;
}
int main(int argc, char **argv) { return measure(argc, argv, 100000, repeat); }
