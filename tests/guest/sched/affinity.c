// Affinity: the mask holds a CPU, can be set to itself, not to nothing; getcpu is in it.
#include "guest.h"
int main(void)
{
    unsigned long mask[16] = { 0 };
    long size = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    say("size is a multiple of 8: %d, first CPU there: %d", size > 0 && size % 8 == 0, mask[0] != 0);
    TRYAS("set the same", syscall(SYS_sched_setaffinity, 0, sizeof mask, mask));
    unsigned long none[16] = { 0 };
    TRYAS("set none", syscall(SYS_sched_setaffinity, 0, sizeof none, none));
    TRYAS("get too small", syscall(SYS_sched_getaffinity, 0, 0, mask));
    TRYAS("get odd size", syscall(SYS_sched_getaffinity, 0, 12, mask));
    TRYAS("no such process", syscall(SYS_sched_getaffinity, 99999999, sizeof mask, mask));
    TRYAS("bad address", syscall(SYS_sched_setaffinity, 0, 8, 8));
    unsigned cpu = 999;
    TRYAS("getcpu", syscall(SYS_getcpu, &cpu, NULL, NULL));
    say("in the mask: %d", cpu < 64 && (mask[0] >> cpu & 1));
    return 0;
}
