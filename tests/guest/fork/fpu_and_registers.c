// Floating-point control and registers are the same in the child.
#include "guest.h"
int main(void)
{
    unsigned mxcsr = 0x1f80 | 0x6000, got;
    unsigned short control = 0x0f7f, cw;
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
    __asm__ volatile("fldcw %0" : : "m"(control));
    double values[2] = { 1.5, -2.25 }, back[2];
    long result;
    __asm__ volatile("movupd %2, %%xmm5\n\tmov $57, %%eax\n\tsyscall\n\tmovupd %%xmm5, %1"
                     : "=&a"(result), "=m"(back)
                     : "m"(values)
                     : "rcx", "r11", "memory", "xmm5");
    __asm__ volatile("stmxcsr %0" : "=m"(got));
    __asm__ volatile("fnstcw %0" : "=m"(cw));
    if (result == 0) {
        say("child: %#x %#x %d", got, cw, back[0] == 1.5 && back[1] == -2.25);
        _exit(0);
    }
    reap(result, "child");
    say("parent: %#x %#x %d", got, cw, back[0] == 1.5 && back[1] == -2.25);
    return 0;
}
