// One page, three generations: each writes another part of it; nobody sees the others' part.
#include "guest.h"
int main(void)
{
    char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(p, "aaaa", 4), memcpy(p + 1000, "bbbb", 4), memcpy(p + 2000, "cccc", 4);
    struct gate up[3] = { new_gate(), new_gate(), new_gate() }, go = new_gate();
    pid_t child = spawn();
    if (child == 0) {
        pid_t grandchild = spawn();
        if (grandchild == 0) {
            memcpy(p + 2000, "GGGG", 4);
            open_gate(up[2]);
            pass_gate(go);
            say("grandchild %.4s %.4s %.4s", p, p + 1000, p + 2000);
            _exit(0);
        }
        pass_gate(up[2]);
        memcpy(p + 1000, "CCCC", 4);
        open_gate(up[1]);
        waitpid(grandchild, NULL, 0);
        say("child %.4s %.4s %.4s", p, p + 1000, p + 2000);
        _exit(0);
    }
    pass_gate(up[1]);
    memcpy(p, "PPPP", 4);
    open_gate(go);
    waitpid(child, NULL, 0);
    say("parent %.4s %.4s %.4s", p, p + 1000, p + 2000);
    return 0;
}
