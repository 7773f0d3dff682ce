// A set-user-ID program run by another user: effective and saved IDs change, AT_SECURE is set; NO_NEW_PRIVS stops it.
// needs: root
#include "guest.h"
#include <sys/auxv.h>
static void copy(const char *from, const char *to)
{
    char buffer[65536];
    ssize_t n;
    int in = MUST(open(from, O_RDONLY)), out = MUST(open(to, O_CREAT | O_WRONLY, 0755));
    while ((n = read(in, buffer, sizeof buffer)) > 0)
        write(out, buffer, n);
    close(in), close(out);
}
int main(int argc, char **argv)
{
    if (argc > 1) {
        uid_t r, e, s;
        gid_t rg, eg, sg;
        getresuid(&r, &e, &s);
        getresgid(&rg, &eg, &sg);
        say("%s: uid %d %d %d gid %d %d %d secure %lu", argv[1], r, e, s, rg, eg, sg, getauxval(AT_SECURE));
        return 0;
    }
    copy(argv[0], "copy");
    MUST(chown("copy", 1111, 2222));
    MUST(chmod("copy", 06755));
    MUST(chmod(".", 0755));
    int dir = MUST(open(".", O_PATH));
    for (int round = 0; round < 3; round++) {
        pid_t pid = spawn();
        if (pid == 0) {
            MUST(setgid(3333));
            MUST(setuid(4444));
            if (round == 1)
                MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
            char *args[] = { "copy", round == 0 ? "set" : round == 1 ? "no new privileges" : "x", NULL };
            syscall(SYS_execveat, round == 2 ? 77 : dir, "copy", args, args + 2, 0);
            _exit(126);
        }
        reap(pid, "child");
    }
    return 0;
}
