// RLIMIT_STACK: the stack grows up to it, beyond it SIGSEGV.
#include "guest.h"
static __attribute__((optnone)) int deep(int kilobytes)
{
    volatile char room[1024];
    room[0] = room[1023] = 1;
    return kilobytes > 0 ? deep(kilobytes - 1) + room[0] : room[1023];
}
int main(int argc, char **argv)
{
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    if (argc > 1) {
        deep(atoi(argv[1]));
        say("%s kB fit", argv[1]);
        return 0;
    }
    const char *sizes[] = { "200", "800", "1500" };
    for (int i = 0; i < 3; i++) {
        pid_t pid = spawn();
        if (pid == 0) {
            struct rlimit limit = { 1 << 20, RLIM_INFINITY };
            getrlimit(RLIMIT_STACK, &none);
            limit.rlim_max = none.rlim_max;
            MUST(setrlimit(RLIMIT_STACK, &limit));
            char *args[] = { argv[0], (char *)sizes[i], NULL };
            execv(argv[0], args);
        }
        reap(pid, sizes[i]);
    }
    return 0;
}
