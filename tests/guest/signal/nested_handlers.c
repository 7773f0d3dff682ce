// Handlers of different signals nest; each returns to where it was, registers and FPU state intact.
#include "guest.h"
static volatile int trail;
static volatile double value = 1.0;
static void third(int number) { (void)number; trail = trail * 10 + 3; value *= 1.5; }
static void second(int number) { (void)number; trail = trail * 10 + 2; double x = value; raise(SIGTERM); value = x * 2; trail = trail * 10 + 2; }
static void first(int number) { (void)number; trail = trail * 10 + 1; raise(SIGUSR2); trail = trail * 10 + 1; }
int main(void)
{
    on_signal(SIGUSR1, first, 0);
    on_signal(SIGUSR2, second, 0);
    on_signal(SIGTERM, third, 0);
    double keep[2] = { 3.25, -7.5 }, out[2];
    long result, pid = getpid();
    __asm__ volatile("movupd %2, %%xmm7\n\tsyscall\n\tmovupd %%xmm7, %1"
                     : "=a"(result), "=m"(out)
                     : "m"(keep), "a"((long)SYS_kill), "D"(pid), "S"((long)SIGUSR1)
                     : "rcx", "r11", "memory", "xmm7");
    say("trail %d value %g kept %d", trail, value, out[0] == 3.25 && out[1] == -7.5);
    return 0;
}
