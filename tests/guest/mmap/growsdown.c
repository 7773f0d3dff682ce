// The stack and MAP_GROWSDOWN mappings grow by faults below them, not into another mapping.
#include "guest.h"
#include <setjmp.h>
static sigjmp_buf back;
static void handler(int number) { siglongjmp(back, number); }
int main(void)
{
    enum { RW = PROT_READ | PROT_WRITE, AP = MAP_PRIVATE | MAP_ANONYMOUS };
    on_signal(SIGSEGV, handler, 0);
    char *room = mmap(NULL, 600 << 12, PROT_NONE, AP, -1, 0);
    munmap(room, 600 << 12);
    char *p = mmap(room + (590 << 12), 4096, RW, AP | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
    volatile int grown = 0;
    if (!sigsetjmp(back, 1)) {
        for (int i = 0; i < 4; i++) {
            p[-i * 4096] = 1;
            grown = i;
        }
    }
    say("grew by %d pages", grown);
    char far[200000];
    far[0] = 1;
    say("stack: %d", ((volatile char *)far)[0]);
    return 0;
}
