// Eight generations, each the child of the one before; each reaps its own child only.
#include "guest.h"
int main(void)
{
    int depth = 0;
    pid_t pid;
    while (depth < 8) {
        pid = spawn();
        if (pid)
            break;
        depth++;
    }
    if (depth == 8)
        _exit(1);
    int status, more;
    pid_t got = waitpid(-1, &status, 0);
    more = waitpid(-1, NULL, 0);
    say("depth %d: own child %d, %s, then %s", depth, got == pid, status_text(status), more == -1 ? err(errno) : "?");
    _exit(WEXITSTATUS(status) * 2 & 0xff);
}
