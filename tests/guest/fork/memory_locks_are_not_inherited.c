// mlock and mlockall do not pass to the child.
#include "guest.h"
static long locked_kb(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long kb = -1;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmLck: %ld", &kb) == 1)
            break;
    if (f)
        fclose(f);
    return kb;
}
int main(void)
{
    char *p = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRY(mlock(p, 16384));
    say("parent locked: %ld kB", locked_kb());
    pid_t pid = spawn();
    if (pid == 0) {
        say("child locked: %ld kB", locked_kb());
        _exit(0);
    }
    reap(pid, "child");
    say("parent still: %ld kB", locked_kb());
    TRY(munlock(p, 16384));
    say("parent unlocked: %ld kB", locked_kb());
    return 0;
}
