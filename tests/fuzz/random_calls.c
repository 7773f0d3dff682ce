/* Random system calls with random arguments, by children of this process. Never to be run natively: it is the test
 * that nothing a guest asks for is more than an error to it. argv: seed, number of children, calls each makes. */
#include <sys/stat.h>
#include "../guest/guest.h"
static uint64_t state;
static uint64_t next(void)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}
static char buffer[65536] __attribute__((aligned(4096)));
static const int skipped[] = { SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_reboot,
                               SYS_exit_group, SYS_exit, SYS_pidfd_send_signal };
static uint64_t word(void)
{
    static const uint64_t odd[] = { 0, 1, 2, 3, 4, 7, 8, 16, 64, 255, 4095, 4096, 65536, -1, -2, -100, -4096, 0x7fffffff,
                                    0x80000000, 0xffffffff, 1ULL << 32, 1ULL << 47, 1ULL << 63, 0xffff800000000000 };
    switch (next() % 8) {
    case 0: return odd[next() % NELEM(odd)];
    case 1: return (uint64_t)buffer + next() % sizeof buffer;
    case 2: return (uint64_t)buffer + (next() % 16) * 4096;
    case 3: return (uint64_t)buffer + sizeof buffer - next() % 64;
    case 4: return next() % 12; // a descriptor, a small number, a flag
    case 5: return 1ULL << next() % 64;
    case 6: return next() % 2 ? getpid() : (uint64_t)buffer;
    default: return next() >> next() % 64;
    }
}
static void fill(void)
{
    static const char *const texts[] = { "/", "/proc/self/stat", "/dev/null", ".", "..", "x", "/proc/self/maps", "/tmp/a",
                                         "/proc/self/fd/0", "/bin/true", "/proc/self/mem", "", "dir/y" };
    for (int i = 0; i < 16; i++) {
        char *page = buffer + i * 4096;
        if (i % 3 == 0)
            strcpy(page, texts[next() % NELEM(texts)]);
        else
            for (int j = 0; j < 32; j++)
                ((uint64_t *)page)[j] = word();
    }
}
static void run(uint64_t seed, int calls)
{
    state = seed;
    setpgid(0, 0);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 64, 64 });
    setrlimit(RLIMIT_AS, &(struct rlimit){ 32 << 20, 32 << 20 });
    setrlimit(RLIMIT_NPROC, &(struct rlimit){ 40, 40 });
    mkdir("dir", 0755);
    for (int i = 0; i < calls; i++) {
        if (i % 8 == 0)
            fill();
        long number = next() % 470;
        int skip = 0;
        for (int j = 0; j < NELEM(skipped); j++)
            skip |= number == skipped[j];
        if (!skip)
            syscall(number, word(), word(), word(), word(), word(), word());
    }
    _exit(0);
}
int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    uint64_t seed = strtoull(argv[1], NULL, 10) * 0x9e3779b97f4a7c15 + 1;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    int done = 0;
    for (int i = 0; i < atoi(argv[2]); i++) {
        pid_t pid = fork();
        if (pid == 0)
            run(seed + i * 0xd1342543de82ef95, atoi(argv[3]));
        for (int j = 0; j < 200; j++) {
            pause_ms(10);
            if (waitpid(pid, NULL, WNOHANG) == pid) {
                done++;
                break;
            }
        }
        kill(-1, SIGKILL);
        while (waitpid(-1, NULL, __WALL) > 0) {
        }
    }
    say("ended by themselves: %d", done);
    return 0;
}
