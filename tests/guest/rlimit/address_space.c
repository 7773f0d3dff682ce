// RLIMIT_AS and RLIMIT_DATA: mmap and brk beyond them are ENOMEM.
#include "guest.h"
static const char *map(size_t size, int prot)
{
    void *p = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return err(errno);
    munmap(p, size);
    return "ok";
}
int main(void)
{
    pid_t pid = spawn();
    if (pid == 0) {
        struct rlimit limit = { 64 << 20, 64 << 20 };
        MUST(setrlimit(RLIMIT_AS, &limit));
        say("AS: 16 MiB %s, 128 MiB %s", map(16 << 20, PROT_READ), map(128 << 20, PROT_READ));
        say("no access counts, too: %s", map(128 << 20, PROT_NONE));
        _exit(0);
    }
    reap(pid, "child");
    pid = spawn();
    if (pid == 0) {
        struct rlimit limit = { 32 << 20, 32 << 20 };
        MUST(setrlimit(RLIMIT_DATA, &limit));
        say("DATA: 16 MiB %s, 64 MiB %s", map(16 << 20, PROT_READ | PROT_WRITE), map(64 << 20, PROT_READ | PROT_WRITE));
        say("read-only does not count: %s", map(64 << 20, PROT_READ));
        char *now = (char *)syscall(SYS_brk, 0);
        say("brk: 1 MiB %d, 64 MiB %d", (char *)syscall(SYS_brk, now + (1 << 20)) == now + (1 << 20),
            (char *)syscall(SYS_brk, now + (64 << 20)) == now + (64 << 20));
        _exit(0);
    }
    reap(pid, "child");
    return 0;
}
