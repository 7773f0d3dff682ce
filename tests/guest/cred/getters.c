// The twelve IDs agree with each other and with /proc/self/status.
#include "guest.h"
int main(void)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;
    getresuid(&r, &e, &s);
    getresgid(&rg, &eg, &sg);
    say("%d %d %d %d", r == getuid(), e == geteuid(), rg == getgid(), eg == getegid());
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    unsigned a, b, c, d;
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "Uid: %u %u %u %u", &a, &b, &c, &d) == 4)
            say("status %d %d %d %d", a == r, b == e, c == s, d == e);
        if (sscanf(line, "Gid: %u %u %u %u", &a, &b, &c, &d) == 4)
            say("status %d %d %d %d", a == rg, b == eg, c == sg, d == eg);
    }
    TRYAS("bad address", syscall(SYS_getresuid, 8, &e, &s));
    return 0;
}
