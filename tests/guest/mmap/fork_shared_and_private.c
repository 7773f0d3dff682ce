// MAP_SHARED across fork: writes go both ways, also on pages touched after it; MAP_PRIVATE: neither way.
#include "guest.h"
int main(void)
{
    enum { PAGES = 8 };
    char *s = mmap(NULL, PAGES << 12, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *p = mmap(NULL, PAGES << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy(s, "before"), strcpy(p, "before");
    struct gate a = new_gate(), b = new_gate();
    pid_t pid = spawn();
    if (pid == 0) {
        strcpy(s + 4096, "child"), strcpy(p + 4096, "child");
        strcpy(s, "changed"), strcpy(p, "changed");
        open_gate(a);
        pass_gate(b);
        say("child: '%s' '%s' | '%s' '%s'", s, s + 8192, p, p + 8192);
        _exit(0);
    }
    pass_gate(a);
    say("parent: '%s' '%s' | '%s' '%s'", s, s + 4096, p, p + 4096);
    strcpy(s + 8192, "parent"), strcpy(p + 8192, "parent");
    open_gate(b);
    reap(pid, "child");
    return 0;
}
