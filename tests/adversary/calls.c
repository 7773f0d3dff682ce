/* calls SEED BATCHES CALLS: each batch is a child that makes random system calls with random arguments. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINES = 64, LINE = 64, NUMBERS = 462 };

static uint64_t state;
static char *buffer, *readonly, *hole;

static uint64_t any(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545F4914F6CDD1DULL;
}

static uint64_t line(void) { return (uint64_t)buffer + any() % LINES * LINE; }

static uint64_t argument(void)
{
    switch (any() % 20) {
    case 0: return 0;
    case 1: return -1;
    case 2: return any() % 16;
    case 3: return any() % 4096;
    case 4: case 5: case 6: return line();
    case 7: return (uint64_t)buffer + 16384 - any() % 64; /* its end */
    case 8: return (uint64_t)readonly + any() % 4096;
    case 9: return (uint64_t)hole + any() % 4096;
    case 10: return 0xffff800000000000ULL + any() % 65536;
    case 11: return 0x7fffffffffffULL - any() % 8192;
    case 12: return 1ULL << any() % 64;
    case 13: return (1ULL << any() % 64) - 1;
    case 14: return -(any() % 4096);
    case 15: return any();
    case 16: return 0x7fffffff;
    case 17: return 4096 * (any() % 8);
    case 18: return 3 + any() % 20; /* a descriptor */
    default: return AT_FDCWD;
    }
}

static void fill_buffer(void)
{
    static const char *const names[] = { "/", "/tmp", "/proc/self/maps", "a", "b/c", "../..", "/dev/null", "/dev/zero",
                                         "/proc/self/fd/1", "/proc/self", "/etc/passwd", "", "/proc/1/stat" };
    for (int i = 0; i < LINES; i++) {
        char *at = buffer + i * LINE;
        uint64_t words[LINE / 8];
        int kind = any() % 4;
        for (int j = 0; j < LINE / 8; j++)
            words[j] = kind == 0 ? argument() : kind == 1 ? any() % 8 : j % 2 ? any() % 64 : line();
        memcpy(at, words, LINE);
        if (kind == 3)
            strcpy(at, names[any() % (sizeof names / sizeof *names)]);
    }
}

static int is_left_out(long number)
{
    switch (number) {
    case SYS_exit: case SYS_exit_group: case SYS_fork: case SYS_vfork: case SYS_pause: case SYS_alarm:
    case SYS_rt_sigreturn: case SYS_wait4: case SYS_waitid:
        return any() % 8 != 0;
    case SYS_clone: case 435 /* clone3 */: /* a second flow of control on the same stack */
        return 1;
    }
    return 0;
}

static int sends_signals(long number)
{
    return number == SYS_kill || number == SYS_tkill || number == SYS_tgkill || number == SYS_rt_sigqueueinfo ||
           number == SYS_rt_tgsigqueueinfo;
}

static void one_batch(long calls)
{
    setpgid(0, 0);
    buffer = mmap(0, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    readonly = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    hole = mmap(0, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    alarm(2);
    for (long i = 0; i < calls; i++) {
        uint64_t a[6];
        long number = any() % NUMBERS;
        fill_buffer();
        for (int j = 0; j < 6; j++)
            a[j] = argument();
        if (is_left_out(number))
            continue;
        if (sends_signals(number))
            a[0] = getpid();
        syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    }
    _exit(0);
}

int main(int argc, char **argv)
{
    long seed = atol(argv[1]), batches = atol(argv[2]), calls = atol(argv[3]);
    mkdir("/tmp/calls", 0777);
    if (argc != 4 || chdir("/tmp/calls"))
        return 2;
    for (long batch = 0; batch < batches; batch++) {
        pid_t child = fork();
        if (child == 0) {
            state = seed * 1000003 + batch * 7919 + 12345;
            one_batch(calls);
        }
        for (int i = 0; i < 400 && waitpid(child, NULL, WNOHANG | __WALL) != child; i++)
            usleep(10000);
        kill(-child, SIGKILL);
        kill(child, SIGKILL);
        while (waitpid(-1, NULL, WNOHANG | __WALL) > 0) {
        }
    }
    while (wait(NULL) > 0) {
    }
    puts("done");
    return 0;
}
