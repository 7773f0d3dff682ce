// process_vm_readv and process_vm_writev: another process's memory, in pieces; holes, protections, errnos.
#include "guest.h"
#include <sys/uio.h>
enum { PAGE = 4096 };
static char *p;
static pid_t pid;
#define GET(count, ...) process_vm_readv(pid, &(struct iovec){ p, 3 * PAGE }, 1, (struct iovec[]){ __VA_ARGS__ }, count, 0)
int main(void)
{
    int to_child[2], to_parent[2];
    char c;
    MUST(pipe(to_child)), MUST(pipe(to_parent));
    p = MUST(mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    memset(p, 'p', 8 * PAGE);
    pid = spawn();
    if (pid == 0) {
        memset(p, 'c', 8 * PAGE);
        munmap(p + 4 * PAGE, PAGE);
        mprotect(p + 6 * PAGE, PAGE, PROT_READ);
        mprotect(p + 7 * PAGE, PAGE, PROT_NONE);
        write(to_parent[1], "", 1);
        read(to_child[0], &c, 1);
        say("child sees %.3s %c %.2s %c", p, p[100], p + PAGE, p[6 * PAGE]);
        _exit(0);
    }
    read(to_parent[0], &c, 1);
    say("%ld, %c", (long)GET(1, { p, 3 * PAGE }), p[2 * PAGE]);
    say("up to a hole: %ld", (long)GET(1, { p + 3 * PAGE, 3 * PAGE }));
    say("pieces: %ld", (long)GET(3, { p, 10 }, { p, 0 }, { p + 5, 7 }));
    TRYAS("in the hole", GET(1, { p + 4 * PAGE, PAGE }));
    TRYAS("no access", GET(1, { p + 7 * PAGE, 1 }));
    TRYAS("nothing", GET(1, { p, 0 }));
    TRYAS("flags", process_vm_readv(pid, &(struct iovec){ p, 1 }, 1, &(struct iovec){ p, 1 }, 1, 1));
    TRYAS("too many", process_vm_readv(pid, &(struct iovec){ p, 1 }, 1, &(struct iovec){ p, 1 }, 2000, 0));
    TRYAS("negative", GET(1, { p, -1UL }));
    TRYAS("bad array", process_vm_readv(pid, &(struct iovec){ p, 1 }, 1, (void *)8, 1, 0));
    TRYAS("no such process", process_vm_readv(99999999, &(struct iovec){ p, 1 }, 1, &(struct iovec){ p, 1 }, 1, 0));
    strcpy(p, "hello");
    struct iovec mine[] = { { p, 2 }, { p + 2, 3 } }, theirs[] = { { p, 3 }, { p + PAGE, 2 } };
    say("written: %ld", (long)process_vm_writev(pid, mine, 2, theirs, 2, 0));
    TRYAS("read-only", process_vm_writev(pid, mine, 1, &(struct iovec){ p + 6 * PAGE, 2 }, 1, 0));
    write(to_child[1], "", 1);
    reap(pid, "child");
    TRYAS("gone", GET(1, { p, 1 }));
    return 0;
}
