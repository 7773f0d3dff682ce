// The exit status is the low 8 bits, by return from main, exit, _exit, and the bare calls.
#include "guest.h"
static void run(const char *how, int value)
{
    pid_t pid = spawn();
    if (pid == 0) {
        if (how[0] == 'e')
            exit(value);
        if (how[0] == '_')
            _exit(value);
        if (how[0] == 't')
            syscall(SYS_exit, value);
        syscall(SYS_exit_group, value);
    }
    say("%s(%d): status %#x", how, value, ({ int status; waitpid(pid, &status, 0); status; }));
}
int main(void)
{
    const int values[] = { 0, 1, 127, 128, 255, 256, 257, -1, -256, 0x12345 };
    for (int i = 0; i < NELEM(values); i++) {
        run("exit", values[i]);
        run("_exit", values[i]);
        run("thread exit", values[i]);
        run("group exit", values[i]);
    }
    return 0x1234;
}
