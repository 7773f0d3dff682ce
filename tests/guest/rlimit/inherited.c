// Limits pass through fork and exec; a change in the child is its own; prlimit changes another's.
#include "guest.h"
int main(int argc, char **argv)
{
    struct rlimit now;
    if (argc > 1) {
        getrlimit(RLIMIT_NOFILE, &now);
        say("after exec %lu %lu", (long)now.rlim_cur, (long)now.rlim_max);
        return 0;
    }
    struct rlimit limit = { 40, 80 };
    setrlimit(RLIMIT_NOFILE, &limit);
    struct gate gate = new_gate();
    pid_t pid = spawn();
    if (pid == 0) {
        pass_gate(gate);
        char *args[] = { argv[0], "x", NULL };
        execv(argv[0], args);
    }
    struct { uint64_t cur, max; } new64 = { 30, 70 };
    TRYAS("prlimit of the child", syscall(SYS_prlimit64, pid, RLIMIT_NOFILE, &new64, NULL));
    open_gate(gate);
    reap(pid, "child");
    getrlimit(RLIMIT_NOFILE, &now);
    say("parent %lu %lu", (long)now.rlim_cur, (long)now.rlim_max);
    return 0;
}
