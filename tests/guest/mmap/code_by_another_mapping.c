/* A just-in-time compiler with two mappings of its code, one to write and one to run: what runs is what was written. */
#include "../guest.h"
#include <setjmp.h>

#define PAGE 4096
typedef int (*function)(void);

static void put(volatile unsigned char *at, int value)
{
    unsigned char code[] = {0xB8, value & 255, value >> 8, 0, 0, 0xC3}; /* mov $value, %eax; ret */
    for (unsigned i = 0; i < sizeof code; i++)
        at[i] = code[i];
}

static int sum(unsigned char *run)
{
    int total = 0;
    for (int page = 0; page < 4; page++)
        total = total * 10 + ((function)(void *)(run + page * PAGE))();
    return total;
}

static void two_mappings(const char *name, int fd, int flags)
{
    if (ftruncate(fd, 4 * PAGE))
        printf("ftruncate\n");
    unsigned char *write_at = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    unsigned char *run = mmap(NULL, 4 * PAGE, PROT_READ | PROT_EXEC, flags, fd, 0);
    printf("%s:", name);
    for (int round = 0; round < 5; round++) {
        for (int page = 0; page < 4; page++)
            put(write_at + page * PAGE, (round + page) % 10);
        printf(" %d", sum(run));
    }
    put(write_at, 9); /* one page alone */
    printf(" %d", sum(run));
    unsigned char byte = 8;
    if (pwrite(fd, &byte, 1, PAGE + 1) != 1)
        printf("pwrite\n");
    printf(" %d", sum(run));
    put(write_at + PAGE, 7);
    printf(" %d\n", sum(run));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int before = sum(run);
        put(write_at + 2 * PAGE, 1);
        printf("child: %d, then %d\n", before, sum(run));
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    printf("parent: %d\n", sum(run));
    put(write_at + 3 * PAGE, 5);
    printf("and then: %d\n", sum(run));
    child = fork();
    if (child == 0) {
        munmap(run, 4 * PAGE);
        for (int page = 0; page < 4; page++)
            put(write_at + page * PAGE, 3);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    printf("written by one who cannot run it: %d\n", sum(run));
    munmap(write_at, 4 * PAGE);
    munmap(run, 4 * PAGE);
}

static sigjmp_buf back;
static void not_allowed(int number)
{
    (void)number;
    siglongjmp(back, 1);
}

static void fork_and_wait(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
}

static void two_permissions(void)
{
    unsigned char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("mprotect to and fro:");
    for (int round = 1; round < 6; round++) {
        mprotect(page, PAGE, PROT_READ | PROT_WRITE);
        put(page, round);
        if (round == 4)
            fork_and_wait();
        mprotect(page, PAGE, PROT_READ | PROT_EXEC);
        printf(" %d", ((function)(void *)page)());
    }
    mprotect(page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
    for (int round = 1; round < 4; round++) {
        put(page, round * 11);
        printf(" %d", ((function)(void *)page)());
    }
    mprotect(page, PAGE, PROT_READ | PROT_WRITE);
    put(page, 99);
    if (sigsetjmp(back, 1))
        printf(" not executable");
    else
        printf(" %d", ((function)(void *)page)());
    mprotect(page, PAGE, PROT_READ | PROT_EXEC);
    printf(" %d\n", ((function)(void *)page)());
}

int main(void)
{
    signal(SIGSEGV, not_allowed);
    two_permissions();
    two_mappings("memfd, run shared", syscall(SYS_memfd_create, "code", 0), MAP_SHARED);
    two_mappings("memfd, run private", syscall(SYS_memfd_create, "code", 0), MAP_PRIVATE);
    unsigned char *both = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned char *alias = mremap(both, 0, PAGE, MREMAP_MAYMOVE);
    mprotect(alias, PAGE, PROT_READ | PROT_WRITE);
    printf("written through either:");
    for (int round = 1; round < 5; round++) {
        put(round & 1 ? alias : both, round);
        printf(" %d", ((function)(void *)both)());
    }
    if (sigsetjmp(back, 1))
        printf(" alias not executable");
    else
        ((function)(void *)alias)();
    put(alias, 42);
    printf(" %d\n", ((function)(void *)both)());
    return 0;
}
