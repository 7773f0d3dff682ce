/* Code that changes after it ran: by a store, by read(), by a write to its file, by another process, under the
 * very instruction that changes it, and in a fork's copy. */
#include "guest.h"

typedef int (*function)(void);

static void emit(unsigned char *at, int value)
{
    unsigned char code[] = { 0xb8, 0, 0, 0, 0, 0xc3 }; /* mov eax, value; ret */
    memcpy(code + 1, &value, 4);
    memcpy(at, code, sizeof code);
}

static int run(void *at)
{
    __asm__ volatile("" ::: "memory");
    return ((function)at)();
}

int main(void)
{
    unsigned char *page = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    int wrong = 0;
    for (int i = 0; i < 100; i++) {
        emit(page, i);
        wrong += run(page) != i;
    }
    say("by a store: %d wrong", wrong);

    int ends[2];
    MUST(pipe(ends));
    for (int i = 0; i < 100; i++) {
        unsigned char code[6];
        emit(code, 1000 + i);
        MUST(write(ends[1], code, sizeof code));
        MUST(read(ends[0], page + 64, sizeof code));
        wrong += run(page + 64) != 1000 + i;
    }
    say("by read: %d wrong", wrong);

    int memory = MUST(syscall(SYS_memfd_create, "code", 0));
    MUST(ftruncate(memory, 4096));
    unsigned char *executable = MUST(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, memory, 0));
    for (int i = 0; i < 20; i++) {
        unsigned char code[6];
        emit(code, 2000 + i);
        MUST(pwrite(memory, code, sizeof code, 0));
        wrong += run(executable) != 2000 + i;
    }
    say("by pwrite to the file: %d wrong", wrong);
    for (int i = 0; i < 10; i++) {
        pid_t pid = spawn();
        if (pid == 0) {
            emit(MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0)), 3000 + i);
            _exit(0);
        }
        waitpid(pid, NULL, 0);
        wrong += run(executable) != 3000 + i;
    }
    say("by another process: %d wrong", wrong);

    /* read(0, page + 128, n): the bytes after the syscall instruction change under it. */
    static const unsigned char reader[] = {
        0x31, 0xc0,                         /* xor eax, eax */
        0x0f, 0x05,                         /* syscall */
        0xb8, 0x01, 0x00, 0x00, 0x00, 0xc3, /* mov eax, 1; ret */
    };
    memcpy(page + 128, reader, sizeof reader);
    for (int i = 2; i < 12; i++) {
        unsigned char code[6];
        int result;
        emit(code, i);
        MUST(write(ends[1], code, sizeof code));
        __asm__ volatile("call *%5"
                         : "=a"(result)
                         : "D"(ends[0]), "S"(page + 132), "d"(6L), "0"(0), "r"(page + 128)
                         : "rcx", "r11", "memory");
        wrong += result != i;
    }
    say("under the instruction itself: %d wrong", wrong);

    emit(page, 7);
    run(page);
    pid_t pid = spawn();
    if (pid == 0) {
        emit(page, 8);
        _exit(run(page));
    }
    reap(pid, "child's copy");
    say("parent's copy: %d", run(page));
    return 0;
}
