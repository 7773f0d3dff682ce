// Every flag of clone with every other one, namespaces included, on four bases: what is refused, and with which errno.
// needs: root linux-6.9
// timeout: 60
#include "../clone_pairs.h"
static const char *attempt(uint64_t set)
{
    box[0] = box[1] = -1;
    pid_t pid = clone_on(stack + 65536, set | SIGCHLD, child, NULL, &box[0], &box[1]);
    return pid == -1 ? err(errno) : gone(pid, set);
}
static void tables(void)
{
    table(0, "bare");
    table(CLONE_VM, "VM");
    table(CLONE_VM | CLONE_SIGHAND, "VM|SIGHAND");
    table(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, "VM|SIGHAND|THREAD");
}
int main(void) { return run_tables(tables); }
