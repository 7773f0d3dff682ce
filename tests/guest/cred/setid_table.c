// needs: root
// setuid and setreuid from every state of the three user IDs: outcome, new IDs, whether capabilities are left.
#include "guest.h"
#include <sys/fsuid.h>
static const int ids[] = { -1, 0, 1, 2, 3 };
static int capable_of(int number)
{
    struct { unsigned version; int pid; } header = { 0x20080522, 0 };
    struct { unsigned effective, permitted, inheritable; } data[2];
    if (syscall(SYS_capget, &header, data) == -1)
        die("capget");
    return (data[0].effective >> number & 1) + 2 * (data[0].permitted >> number & 1);
}
static void from_state(int state, int a, int b, char *text, size_t size)
{
    int fd[2];
    MUST(pipe(fd));
    pid_t pid = spawn();
    if (pid == 0) {
        char line[64];
        uid_t r, e, s;
        MUST(setresuid(state % 3, state / 3 % 3, state / 9));
        long result = b == NELEM(ids) ? syscall(SYS_setuid, ids[a]) : syscall(SYS_setreuid, ids[a], ids[b]);
        getresuid(&r, &e, &s);
        int n = snprintf(line, sizeof line, " %s%u%u%u%u/%d", result == -1 ? err(errno) : "", r, e, s,
            (unsigned)setfsuid(-1), capable_of(5));
        _exit(write(fd[1], line, n) != n);
    }
    close(fd[1]);
    ssize_t n = read(fd[0], text, size - 1);
    text[n < 0 ? 0 : n] = 0;
    close(fd[0]);
    waitpid(pid, NULL, 0);
}
int main(void)
{
    for (int state = 0; state < 27; state++) {
        char line[1000], part[64];
        line[0] = 0;
        for (int b = 0; b <= NELEM(ids); b++)
            for (int a = 0; a < NELEM(ids); a++) {
                from_state(state, a, b, part, sizeof part);
                strcat(line, part);
            }
        say("%d%d%d:%s", state % 3, state / 3 % 3, state / 9, line);
    }
    return 0;
}
