// needs: root
// capset with many combinations of three capabilities (CAP_CHOWN, CAP_KILL, CAP_SETPCAP): what may be had, what not.
#include "guest.h"
#include <sys/prctl.h>
#define BITS 0x121u
static struct { unsigned version; int pid; } header = { 0x20080522, 0 };
static struct { unsigned effective, permitted, inheritable; } data[2];
static unsigned state = 1;
static unsigned some(void)
{
    state = state * 1103515245 + 12345;
    return state >> 16 & BITS;
}
static long set(unsigned effective, unsigned permitted, unsigned inheritable)
{
    memset(data, 0, sizeof data);
    data[0].effective = effective;
    data[0].permitted = permitted;
    data[0].inheritable = inheritable;
    return syscall(SYS_capset, &header, data);
}
int main(void)
{
    for (int i = 0; i < 400; i++) {
        unsigned bounding = some(), e = some(), p = some(), in = some(), e2 = some(), p2 = some(), in2 = some();
        unsigned keep = i & 1 ? 1u << 8 : 0;
        pid_t pid = spawn();
        if (pid == 0) {
            if (!(bounding & 1))
                prctl(PR_CAPBSET_DROP, 0);
            if (!(bounding & 32))
                prctl(PR_CAPBSET_DROP, 5);
            long first = set((e & p) | keep, p | keep, in);
            long second = set(e2, p2, in2);
            MUST(syscall(SYS_capget, &header, data));
            say("%d: %ld %ld effective %x permitted %x inheritable %x", i, first, second, data[0].effective & BITS,
                data[0].permitted & BITS, data[0].inheritable & BITS);
            _exit(0);
        }
        waitpid(pid, NULL, 0);
    }
    return 0;
}
