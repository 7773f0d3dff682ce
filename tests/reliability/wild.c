/* wild SEED CHILDREN [WHAT]: programs that run what is no program: random bytes, privileged instructions, their own
 * frame of a signal changed at random, code that changes itself, mutated ELF files. Only for the guest. */
#include <sys/ucontext.h>
#include "../guest/guest.h"

static uint64_t state;
static uint64_t any(void)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state * 0x2545F4914F6CDD1DULL;
}
static uint64_t below(uint64_t n) { return (any() >> 20) % n; }
static uint64_t wild_word(void) { return below(3) ? 1ULL << below(64) : below(2) ? -(any() & 0xffff) : below(70000); }
static unsigned char *code;

/* Bytes that are instructions more often than not, and the privileged ones. */
static const unsigned char pieces[][16] = {
    { 0xf4 }, { 0xfa }, { 0xfb }, { 0xec }, { 0xee }, { 0xe4, 0x80 }, { 0x6c }, { 0x6e }, { 0xf3, 0x6c }, { 0xf3, 0x6e },
    { 0x0f, 0x01, 0x10 }, { 0x0f, 0x01, 0x18 }, { 0x0f, 0x01, 0x00 }, { 0x0f, 0x01, 0x08 }, { 0x0f, 0x00, 0xd8 },
    { 0x0f, 0x00, 0xd0 }, { 0x0f, 0x01, 0xf0 }, { 0x0f, 0x01, 0xe0 }, { 0x0f, 0x01, 0x38 }, { 0x0f, 0x01, 0xf8 },
    { 0x0f, 0x30 }, { 0x0f, 0x32 }, { 0x0f, 0x33 }, { 0x0f, 0x31 }, { 0x0f, 0x01, 0xf9 }, { 0x0f, 0xa2 }, { 0x0f, 0x05 },
    { 0x0f, 0x34 }, { 0x0f, 0x35 }, { 0x0f, 0x07 }, { 0x48, 0x0f, 0x07 }, { 0xcf }, { 0x48, 0xcf }, { 0xcc }, { 0xf1 },
    { 0xcd, 0x80 }, { 0xcd, 0x03 }, { 0xcd, 0x0d }, { 0xcd, 0x0e }, { 0xcd, 0x20 }, { 0xcd, 0xff }, { 0x0f, 0x0b },
    { 0x0f, 0x20, 0xc0 }, { 0x0f, 0x22, 0xd8 }, { 0x0f, 0x22, 0xe0 }, { 0x0f, 0x23, 0xf8 }, { 0x0f, 0x21, 0xc0 },
    { 0x0f, 0x06 }, { 0x0f, 0x08 }, { 0x0f, 0x09 }, { 0x8e, 0xd8 }, { 0x8e, 0xe0 }, { 0x8e, 0xe8 }, { 0x8e, 0xd0 },
    { 0x8e, 0xc0 }, { 0xcb }, { 0x48, 0xcb }, { 0xca, 8, 0 }, { 0xff, 0x2c, 0x24 }, { 0x48, 0xff, 0x2c, 0x24 },
    { 0xff, 0x1c, 0x24 }, { 0x9d }, { 0x48, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x9d }, { 0x9c, 0x80, 0x4c, 0x24, 2, 4, 0x9d },
    { 0x0f, 0x01, 0xd0 }, { 0x0f, 0x01, 0xd1 }, { 0x0f, 0xae, 0x27 }, { 0x0f, 0xae, 0x2f }, { 0x0f, 0xae, 0x0f },
    { 0x0f, 0xae, 0x07 }, { 0x0f, 0xae, 0x14, 0x24 }, { 0xd9, 0x2c, 0x24 }, { 0xdd, 0x24, 0x24 }, { 0x9b, 0xdb, 0xe3 },
    { 0xf3, 0x48, 0x0f, 0xae, 0xd0 }, { 0xf3, 0x48, 0x0f, 0xae, 0xd8 }, { 0xf3, 0x48, 0x0f, 0xae, 0xc0 }, { 0xf3, 0xa4 },
    { 0xf3, 0xaa }, { 0xf3, 0xa6 }, { 0xf2, 0xae }, { 0xfd }, { 0xfc }, { 0x0f, 0xc7, 0xf8 }, { 0x0f, 0xc7, 0xf0 },
    { 0x0f, 0xc7, 0x0c, 0x24 }, { 0xf0, 0x0f, 0xc7, 0xc8 }, { 0x0f, 0x01, 0xc1 }, { 0x0f, 0x01, 0xc8 }, { 0x0f, 0x01, 0xc9 },
    { 0x0f, 0x01, 0xca }, { 0x0f, 0x01, 0xee }, { 0xc8, 0, 0, 31 }, { 0xc9 }, { 0xe8, 0, 0, 0, 0 }, { 0xeb, 0xfe },
    { 0x62, 0xf1, 0x7c, 0x48 }, { 0xc5, 0xf8, 0x77 }, { 0x66, 0x0f, 0x38, 0x80 }, { 0x0f, 0x1a }, { 0x0f, 0xff },
    { 0x48, 0xb8, 0, 0, 0, 0, 0, 0x80, 0, 0, 0xff, 0xe0 }, { 0x48, 0x89, 0xe4 }, { 0x48, 0x31, 0xe4, 0x50 }, { 0xd6 },
    { 0x67, 0xe3, 0xfe }, { 0x0f, 0x00, 0xe0 }, { 0x0f, 0x00, 0xe8 }, { 0x0f, 0x02, 0xc0 }, { 0x0f, 0x03, 0xc0 }, { 0x37 },
};
static int lengths(const unsigned char *piece)
{
    int length = 16;
    while (length > 1 && !piece[length - 1])
        length--;
    return length;
}

static void random_code(int mostly)
{
    int at = 0;
    while (at < 4000) {
        if ((int)below(10) < mostly) {
            const unsigned char *piece = pieces[below(NELEM(pieces))];
            int length = lengths(piece);
            memcpy(code + at, piece, length);
            at += length;
        } else
            code[at++] = any();
    }
    uint64_t registers[8];
    for (int i = 0; i < 8; i++)
        registers[i] = below(2) ? (uint64_t)code + below(4096) : below(2) ? any() : below(500);
    __asm__ volatile("mov 0(%0), %%rax\n mov 8(%0), %%rcx\n mov 16(%0), %%rdx\n mov 24(%0), %%rsi\n mov 32(%0), %%rdi\n"
                     "mov 40(%0), %%r10\n mov 48(%0), %%r8\n jmp *%1" ::"r"(registers), "r"(code + below(64))
                     : "rax", "rcx", "rdx", "rsi", "rdi", "r10", "r8", "memory");
}

static void handler(int number, siginfo_t *info, void *context)
{
    ucontext_t *frame = context;
    uint64_t *words = (uint64_t *)frame;
    (void)number, (void)info;
    int count = 1 + below(6);
    for (int i = 0; i < count; i++) {
        int at = below(sizeof *frame / 8);
        words[at] = below(3) ? any() : below(2) ? (uint64_t)code + below(4096) : 1ULL << below(64);
    }
    if (below(3) == 0)
        frame->uc_mcontext.fpregs = (void *)any();
    if (below(8) == 0)
        memset((char *)frame->uc_mcontext.fpregs, any(), 400);
}

static void frames(void)
{
    static char other[16384];
    stack_t alternate = { other, 0, sizeof other };
    sigaltstack(&alternate, NULL);
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK * below(2) };
    for (int i = 1; i < 32; i++)
        sigaction(i, &action, NULL);
    for (int i = 0; i < 50; i++)
        raise(1 + below(31));
    __asm__ volatile("mov %0, %%rsp\n mov $15, %%eax\n syscall" ::"r"(below(2) ? any() : (uint64_t)code + below(4096)));
}

static void changing_code(void)
{
    static const unsigned char start[] = { 0xff, 0x05, 0x02, 0, 0, 0, 0xeb, 0x04 };
    for (int i = 0; i < 2000; i++) {
        int at = below(3000) & ~15;
        memcpy(code + at, start, sizeof start);
        code[at + 12] = 0xc3;
        ((void (*)(void))(code + at))();
        code[at] = 0xc3;
        ((void (*)(void))(code + at))();
        if (below(50) == 0)
            mprotect(code, 4096, PROT_READ | PROT_EXEC), mprotect(code, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
        if (below(100) == 0 && fork() == 0)
            i = 1900;
    }
}

static void elves(void)
{
    static char image[1 << 20], name[64], line[300];
    int from = open("/proc/self/exe", O_RDONLY), length = read(from, image, sizeof image), fd;
    snprintf(name, sizeof name, "/tmp/elf%d", getpid());
    fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0755);
    if (below(5) == 0) { /* #! and rubbish */
        static const char *const lines[] = { "#!", "#! ", "#!/", "#!/bin/true", "#!/proc/self/exe x", "#!\n", "#!/bin/sh\nexit 3",
                                             "#!./", "#!/tmp", "#!/dev/null", "\177ELF", "", "#!/tmp/elf" };
        const char *text = lines[below(NELEM(lines))];
        length = snprintf(line, sizeof line, "%s%s", text, below(3) ? "" : name);
        memset(line + length, 'x', below(2) * 200);
        length = write(fd, line, length + (below(2) ? 0 : 200));
    } else {
        int count = 1 + below(8);
        for (int i = 0; i < count; i++) {
            int at = below(8) ? below(64 + 56 * 8) : below(length);
            if (below(2))
                image[at] = any();
            else
                *(uint64_t *)(image + (at & ~7)) = below(2) ? wild_word() : any() >> below(64);
        }
        length = write(fd, image, below(10) ? length : (int)below(length));
    }
    close(fd);
    close(from);
    char *arguments[] = { name, "1", "0", NULL };
    execv(name, arguments);
    syscall(SYS_execveat, AT_FDCWD, name, arguments, NULL, below(2) * 0x1000);
}

static const struct { const char *name; void (*run)(void); } kinds[] = {
    { "frames", frames }, { "changing", changing_code }, { "elves", elves },
};

int main(int argc, char **argv)
{
    if (argc < 3 || !getenv("FORKERNEL_GUEST")) {
        fputs("wild: only for the guest\n", stderr);
        return 2;
    }
    long seed = atol(argv[1]), children = atol(argv[2]);
    int ends[3] = { 0 };
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (long n = 0; n < children; n++) {
        pid_t pid = fork();
        int status = 0;
        if (pid == 0) {
            int null = open("/dev/null", O_RDWR);
            dup2(null, 0), dup2(null, 1), dup2(null, 2);
            setpgid(0, 0);
            state = seed * 1000003 + n * 7919 + 88172645463325252ULL;
            for (int i = 0; i < 5; i++)
                any();
            setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 0 }, { 0, 10000 } }, NULL);
            code = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            int kind = below(NELEM(kinds) + 2);
            if (argc > 3)
                for (kind = NELEM(kinds) - 1; kind >= 0 && strcmp(argv[3], kinds[kind].name); kind--) {
                }
            if (kind < 0 || kind >= NELEM(kinds))
                random_code(below(11));
            else
                kinds[kind].run();
            _exit(0);
        }
        for (int i = 0; i < 15 && waitpid(pid, &status, WNOHANG) != pid; i++)
            pause_ms(1);
        kill(-1, SIGKILL);
        while (waitpid(-1, NULL, __WALL) > 0) {
        }
        ends[WIFEXITED(status) ? 0 : WIFSIGNALED(status) ? 1 : 2]++;
    }
    say("exited %d, killed %d, neither %d", ends[0], ends[1], ends[2]);
    return 0;
}
