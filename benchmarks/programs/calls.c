/* User code only: calls and returns, direct and through a pointer. */
#include "bench.h"
static volatile int sink;
__attribute__((noinline)) static int leaf(int x) { __asm__ volatile(""); return x + 1; }
__attribute__((noinline)) static int middle(int x) { __asm__ volatile(""); return leaf(x) + leaf(x + 1); }
static int (*volatile pointer)(int) = middle;
static void repeat(long count)
{
    int x = 0;
    while (count--)
        x += pointer(x);
    sink = x;
}
int main(int argc, char **argv) { return measure(argc, argv, 100000, repeat); }
