// The size of clone_args: too small EINVAL, versions 0, 1 and 2, larger with zeros, larger with more E2BIG, huge E2BIG.
#include "guest.h"
int main(void)
{
    union { struct clone3_args args; char bytes[4200]; } box;
    memset(&box, 0, sizeof box);
    box.args.exit_signal = SIGCHLD;
    const int sizes[] = { 0, 8, 63, 64, 65, 72, 80, 87, 88, 96, 128, 4096, 4097, 4200 };
    for (int i = 0; i < NELEM(sizes); i++) {
        long pid = clone3(&box.args, sizes[i]);
        if (pid == 0)
            _exit(0);
        say("size %d: %s", sizes[i], pid > 0 ? "ok" : err(errno));
        if (pid > 0)
            waitpid(pid, NULL, 0);
    }
    box.bytes[100] = 1;
    for (int size = 96; size <= 104; size += 8) {
        long pid = clone3(&box.args, size);
        if (pid == 0)
            _exit(0);
        say("size %d with a byte set at 100: %s", size, pid > 0 ? "ok" : err(errno));
        if (pid > 0)
            waitpid(pid, NULL, 0);
    }
    TRYAS("bad address", syscall(SYS_clone3, 8, 88));
    TRYAS("null", syscall(SYS_clone3, NULL, 88));
    return 0;
}
