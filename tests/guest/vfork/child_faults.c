// A vfork child that dies of SIGSEGV wakes its parent.
#include "guest.h"
int main(void)
{
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    pid_t pid = vfork();
    if (pid == 0) {
        *(volatile int *)8 = 1;
        _exit(0);
    }
    say("parent is back");
    reap(pid, "child");
    return 0;
}
