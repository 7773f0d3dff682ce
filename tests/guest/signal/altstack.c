// sigaltstack: size and flag checks, EPERM while on it, a handler that grows the stack limit's fault can run on it.
#include "guest.h"
static char *low;
static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    char here;
    stack_t now, other = { .ss_sp = low, .ss_size = 65536 };
    sigaltstack(NULL, &now);
    say("%s code %d, on the stack %d, flags %d", sig(number), info->si_code, &here >= low && &here < low + 65536,
        now.ss_flags);
    say("change while on it: %s", outcome(sigaltstack(&other, NULL)));
    _exit(5);
}
static int recurse(int depth)
{
    volatile char room[4096];
    room[0] = depth;
    return recurse(depth + 1) + room[0];
}
int main(void)
{
    low = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t small = { .ss_sp = low, .ss_size = 100 }, flags = { .ss_sp = low, .ss_size = 65536, .ss_flags = 64 };
    stack_t good = { .ss_sp = low, .ss_size = 65536 }, off = { .ss_flags = SS_DISABLE }, now;
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    TRYAS("too small", sigaltstack(&small, NULL));
    TRYAS("bad flags", sigaltstack(&flags, NULL));
    sigaltstack(NULL, &now);
    say("none: flags %d", now.ss_flags);
    TRYAS("set", sigaltstack(&good, NULL));
    TRYAS("off", sigaltstack(&off, &now));
    say("was there %d", now.ss_sp == low);
    pid_t pid = spawn();
    if (pid == 0) {
        sigaltstack(&good, NULL);
        on_siginfo(SIGSEGV, on_fault, SA_ONSTACK);
        _exit(recurse(0));
    }
    reap(pid, "deep recursion");
    pid = spawn();
    if (pid == 0) {
        on_siginfo(SIGSEGV, on_fault, 0);
        _exit(recurse(0));
    }
    reap(pid, "without a stack for it");
    return 0;
}
