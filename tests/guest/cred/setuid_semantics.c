// setuid by root sets all three IDs, setreuid sets the saved one by its rule, seteuid only the effective one.
// needs: root
#include "guest.h"
static void run(const char *what, int kind)
{
    pid_t pid = spawn();
    if (pid == 0) {
        long result = -1;
        switch (kind) {
        case 0: result = syscall(SYS_setuid, 1000); break;
        case 1: result = syscall(SYS_setresuid, -1, 1000, -1); break;
        case 2: result = syscall(SYS_setreuid, 1000, -1); break;
        case 3: result = syscall(SYS_setreuid, -1, 1000); break;
        case 4: result = syscall(SYS_setreuid, 1000, 2000); break;
        case 5: result = syscall(SYS_setresuid, 1000, 2000, 3000); break;
        case 6: result = syscall(SYS_setuid, -1); break;
        case 7: result = syscall(SYS_setresuid, 1000, 2000, 0), syscall(SYS_setuid, 0); break;
        }
        uid_t r, e, s;
        int error = errno;
        getresuid(&r, &e, &s);
        errno = error;
        say("%s: %s %d %d %d", what, outcome(result), r, e, s);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}
int main(void)
{
    const char *names[] = { "setuid", "effective only", "real only", "setreuid effective", "setreuid both", "all three",
                            "setuid -1", "back to saved" };
    for (int i = 0; i < NELEM(names); i++)
        run(names[i], i);
    return 0;
}
