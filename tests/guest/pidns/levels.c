// 32 levels below the first one, ENOSPC for one more. A process has a number at each level.
// needs: root
#include "pidns.h"
static int depth;
static void nest(void)
{
    pid_t child = fork_newpid();
    if (child == -1) {
        say("%d levels, then %s", depth, err(errno));
        _exit(0);
    }
    if (child == 0) {
        depth++;
        nest();
    }
    say("%s", ended(child));
    if (depth < 3)
        say("at depth %d the child is %d", depth, depth ? child : 1);
    _exit(depth);
}
int main(void)
{
    pid_t child = fork();
    if (child == 0)
        nest();
    say("%s", ended(child));
    return 0;
}
