// Data, bss, heap and stack of parent and child are apart after fork.
#include "guest.h"
static int data = 1;
static int bss[5000];
int main(void)
{
    int stack = 2;
    char *heap = malloc(100000);
    strcpy(heap, "heap");
    struct gate to_parent = new_gate(), to_child = new_gate();
    pid_t pid = spawn();
    if (pid == 0) {
        pass_gate(to_child);
        say("child sees %d %d %d %s", data, bss[4999], stack, heap);
        data = 10, bss[4999] = 11, stack = 12;
        strcpy(heap, "mine");
        open_gate(to_parent);
        pass_gate(to_child);
        say("child still has %d %d %d %s", data, bss[4999], stack, heap);
        _exit(0);
    }
    data = 20, bss[4999] = 21, stack = 22;
    open_gate(to_child);
    pass_gate(to_parent);
    say("parent has %d %d %d %s", data, bss[4999], stack, heap);
    strcpy(heap, "ours");
    open_gate(to_child);
    reap(pid, "child");
    return 0;
}
