// si_code and si_addr of SEGV, BUS, FPE, ILL and TRAP.
#include "guest.h"
#include <setjmp.h>
static sigjmp_buf back;
static volatile char *expected;
static void handler(int number, siginfo_t *info, void *context)
{
    (void)context;
    say("%s code %d address %d", sig(number), info->si_code, (volatile char *)info->si_addr == expected);
    siglongjmp(back, 1);
}
#define FAULT(address, statement) \
    do { \
        expected = (volatile char *)(address); \
        if (!sigsetjmp(back, 1)) { \
            statement; \
            say("no fault: %s", #statement); \
        } \
    } while (0)
int main(void)
{
    const int numbers[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
    for (int i = 0; i < NELEM(numbers); i++)
        on_siginfo(numbers[i], handler, 0);
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *none = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = MUST(open("short", O_RDWR | O_CREAT, 0600));
    ftruncate(fd, 4096);
    volatile char *file = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    volatile char sink;
    FAULT(16, *(volatile char *)16 = 1);
    FAULT(page + 5, *(volatile char *)(page + 5) = 1);
    FAULT(none + 9, sink = *(volatile char *)(none + 9));
    FAULT(file + 4100, sink = file[4100]);
    FAULT(NULL, sink = *(volatile char *)0x8000000000000000UL);
    FAULT(page, ((void (*)(void))page)());
    (void)sink;
    return 0;
}
