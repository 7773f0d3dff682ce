// PROT bits hold: reads, writes and jumps that are not allowed fault; mprotect changes them.
// (PROT_EXEC alone is left out: whether it can be read depends on the processor.)
#include "guest.h"
#include <setjmp.h>
static sigjmp_buf back;
static void handler(int number) { (void)number; siglongjmp(back, 1); }
static int faults(void (*act)(char *), char *p)
{
    if (sigsetjmp(back, 1))
        return 1;
    act(p);
    return 0;
}
static void do_read(char *p) { (void)*(volatile char *)p; }
static void do_write_only(char *p) { *(volatile char *)p = (char)0xc3; }
static void do_call(char *p) { ((void (*)(void))p)(); }
int main(void)
{
    on_signal(SIGSEGV, handler, 0);
    char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    p[0] = (char)0xc3; // ret
    const int prots[] = { PROT_NONE, PROT_READ, PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC,
                          PROT_READ | PROT_WRITE | PROT_EXEC };
    for (int i = 0; i < NELEM(prots); i++) {
        mprotect(p, 4096, prots[i]);
        int r = !faults(do_read, p), w = !faults(do_write_only, p), x = !faults(do_call, p);
        say("prot %d: read %d write %d call %d", prots[i], r, w, x);
    }
    return 0;
}
