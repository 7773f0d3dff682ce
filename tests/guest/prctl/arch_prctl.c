// arch_prctl: segment bases within user addresses, and what is not there.
#include "guest.h"
#define CALL(code, arg) syscall(SYS_arch_prctl, code, arg)
int main(void)
{
    unsigned long base = 7;
    TRY(CALL(0x1003, &base));
    say("FS base is the thread pointer: %d", base == (unsigned long)__builtin_thread_pointer());
    TRY(CALL(0x1004, &base));
    say("GS base %lu", base);
    TRY(CALL(0x1001, 0x7fffffffe000));
    TRY(CALL(0x1004, &base));
    say("GS base %#lx", base);
    TRY(CALL(0x1001, 0x7ffffffff000));
    TRY(CALL(0x1001, 0x800000000000));
    TRY(CALL(0x1002, -1L));
    TRY(CALL(0x1003, 8));
    TRY(CALL(0x1003, NULL));
    static long there = 42;
    TRY(CALL(0x1001, &there));
    long seen;
    __asm__ volatile("movq %%gs:0, %0" : "=r"(seen));
    say("through GS: %ld", seen);
    if (spawn() == 0) {
        __asm__ volatile("movq %%gs:0, %0" : "=r"(seen));
        say("child through GS: %ld", seen);
        _exit(0);
    }
    wait(NULL);
    say("cpuid %ld", CALL(0x1011, 0));
    TRY(CALL(0x3001, &base));
    TRY(CALL(0, &base));
    TRY(CALL(-1, &base));
    return 0;
}
