// Death by fault: bad address, division by zero, illegal instruction, breakpoint, misuse of a mapping, abort.
#include "guest.h"
static void run(const char *what, int kind)
{
    pid_t pid = spawn();
    if (pid == 0) {
        struct rlimit none = { 0, 0 };
        setrlimit(RLIMIT_CORE, &none);
        volatile int zero = 0;
        switch (kind) {
        case 0: *(volatile int *)16 = 1; break;
        case 1: __asm__ volatile("xor %%edx, %%edx\n\tmov $1, %%eax\n\tdivl %0" : : "m"(zero) : "eax", "edx"); break;
        case 2: __asm__ volatile("ud2"); break;
        case 3: __asm__ volatile("int3"); break;
        case 4: __asm__ volatile("hlt"); break;
        case 5: {
            int fd = open("short", O_RDWR | O_CREAT, 0600);
            ftruncate(fd, 10);
            volatile char *p = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
            zero = p[5000];
            break;
        }
        case 6: abort();
        case 7: *(volatile int *)0x8000000000000000UL = 1; break;
        case 8: ((void (*)(void))8)(); break;
        case 9: *(volatile char *)run = 1; break;
        }
        _exit(0);
    }
    reap(pid, what);
}
int main(void)
{
    const char *names[] = { "null write", "division", "ud2", "int3", "hlt", "beyond the file", "abort",
                            "non-canonical", "jump to null", "write to text" };
    for (int i = 0; i < NELEM(names); i++)
        run(names[i], i);
    return 0;
}
