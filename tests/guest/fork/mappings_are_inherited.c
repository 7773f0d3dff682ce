// Mappings pass to the child with their protection; unmapping in one does not unmap in the other.
#include "guest.h"
static volatile sig_atomic_t faults;
static char *page;
static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    faults++;
    say("fault code %d at page %d", info->si_code, (char *)info->si_addr == page);
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
}
int main(void)
{
    page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy(page, "text");
    mprotect(page, 4096, PROT_READ);
    on_siginfo(SIGSEGV, handler, 0);
    pid_t pid = spawn();
    if (pid == 0) {
        say("child reads %s", page);
        page[0] = 'n';
        say("child wrote: %s, faults %d", page, (int)faults);
        munmap(page, 8192);
        _exit(0);
    }
    reap(pid, "child");
    say("parent reads %s, faults %d", page, (int)faults);
    return 0;
}
