// needs: linux-6.6
// sched_setattr and sched_getattr: sizes, flags, nice values; affinity sizes; I/O priorities.
#include "guest.h"
struct attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t clamp_min, clamp_max, more[4];
};
static struct attr attr = { .size = 56 };
static void set(const char *what)
{
    TRYAS(what, syscall(SYS_sched_setattr, 0, &attr, 0));
    say(" size %u, getpriority %ld", attr.size, syscall(SYS_getpriority, 0, 0));
}
static void get(unsigned size)
{
    struct attr got;
    memset(&got, 0x55, sizeof got);
    TRYAS("getattr", syscall(SYS_sched_getattr, 0, &got, size, 0));
    say(" %u: size %u policy %u flags %lx nice %d priority %u", size, got.size, got.policy, (long)got.flags, got.nice,
        got.priority);
}
int main(void)
{
    const unsigned sizes[] = { 48, 56, 72, 47, 4097 };
    for (int i = 0; i < NELEM(sizes); i++)
        get(sizes[i]);
    attr.nice = 5;
    set("nice 5");
    get(56);
    attr.nice = 100;
    set("nice 100");
    attr.policy = 3, attr.nice = 19;
    set("batch");
    attr.policy = 77, attr.flags = 0x08;
    set("keep policy");
    attr.policy = 0, attr.flags = 0x10;
    set("keep params");
    attr.flags = 1;
    set("reset on fork");
    get(56);
    attr.flags = 0x80;
    set("unknown flag");
    attr.flags = 0x20, attr.size = 48;
    set("clamp in version 0");
    attr.flags = 1, attr.size = 47;
    set("too small");
    attr.size = 60, attr.more[0] = 0;
    set("larger, zeros");
    attr.size = 60, attr.more[0] = 1;
    set("larger, not zeros");
    attr.size = 5000;
    set("far too large");
    attr.size = 0;
    set("size 0");
    attr.size = 56, attr.policy = -1;
    set("negative policy");
    attr.policy = 0, attr.priority = 1;
    set("priority for a fair policy");
    attr.policy = 1, attr.priority = 0;
    set("no priority for fifo");
    TRY(syscall(SYS_sched_setattr, 0, &attr, 1));
    TRY(syscall(SYS_sched_setattr, 0, NULL, 0));
    TRY(syscall(SYS_sched_setattr, -1, &attr, 0));
    TRY(syscall(SYS_sched_getattr, 0, NULL, 56, 0));
    TRY(syscall(SYS_sched_getattr, 0, &attr, 56, 1));
    TRY(syscall(SYS_sched_getattr, 99999999, &attr, 56, 0));

    unsigned long mask[16] = { 0 };
    TRY(syscall(SYS_sched_getaffinity, 0, 7, mask));
    TRY(syscall(SYS_sched_getaffinity, 0, 12, mask));
    TRY(syscall(SYS_sched_getaffinity, 0, 128, 8));
    TRY(syscall(SYS_sched_setaffinity, 0, 8, mask));
    mask[0] = 1UL << 60;
    TRY(syscall(SYS_sched_setaffinity, 0, 8, mask));
    mask[0] = 1;
    TRY(syscall(SYS_sched_setaffinity, 0, 1, mask));
    TRY(syscall(SYS_sched_setaffinity, 0, 0, mask));
    TRY(syscall(SYS_sched_setaffinity, -1, 8, mask));

    say("ioprio %ld", syscall(SYS_ioprio_get, 1, 0));
    for (int class = 0; class < 5; class++)
        for (int level = 0; level < 9; level += 4)
            if (class != 1) {
                say("class %d level %d: %s", class, level, outcome(syscall(SYS_ioprio_set, 1, 0, class << 13 | level)));
                say(" %ld", syscall(SYS_ioprio_get, 1, 0));
            }
    TRY(syscall(SYS_ioprio_set, 0, 0, 0));
    TRY(syscall(SYS_ioprio_get, 4, 0));
    TRY(syscall(SYS_ioprio_get, 1, 99999999));
    TRY(syscall(SYS_ioprio_get, 3, 99999));
    return 0;
}
