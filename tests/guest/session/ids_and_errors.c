// getpgid and getsid of others, and their errors.
#include "guest.h"
int main(void)
{
    struct gate gate = new_gate(), ready = new_gate();
    pid_t pid = spawn();
    if (pid == 0) {
        setsid();
        open_gate(ready);
        pass_gate(gate);
        _exit(0);
    }
    pass_gate(ready);
    YES(getpgid(pid) == pid);
    YES(getsid(pid) == pid);
    YES(getpgid(0) == getpgrp());
    YES(getsid(getpid()) == getsid(0));
    TRY(getpgid(99999999));
    TRY(getsid(99999999));
    TRY(getpgid(-1));
    TRY(getsid(-1));
    open_gate(gate);
    reap(pid, "child");
    TRY(getpgid(pid));
    return 0;
}
