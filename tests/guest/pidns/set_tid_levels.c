// clone3's set_tid names a number for each level, the innermost first.
// needs: root
#include "pidns.h"
static long attempt(uint64_t flags, pid_t *wanted, size_t count)
{
    struct clone3_args args = { .flags = flags, .exit_signal = SIGCHLD, .set_tid = (uintptr_t)wanted,
                                .set_tid_size = count };
    return clone3(&args, sizeof args);
}
static void show(const char *what, uint64_t flags, pid_t *wanted, size_t count)
{
    long pid = attempt(flags, wanted, count);
    if (pid == 0) {
        say("%s: I am %d", what, getpid());
        _exit(0);
    }
    if (pid == -1)
        say("%s: %s", what, err(errno));
    else
        say("%s: the parent sees %ld, %s", what, pid, ended(pid));
}
int main(void)
{
    pid_t outer = fork_newpid();
    if (outer == 0) {
        show("one level", 0, (pid_t[]){ 70 }, 1);
        show("two levels", CLONE_NEWPID, (pid_t[]){ 1, 71 }, 2);
        show("not 1 in a new one", CLONE_NEWPID, (pid_t[]){ 5, 72 }, 2);
        show("zero", 0, (pid_t[]){ 0 }, 1);
        show("negative", 0, (pid_t[]){ -3 }, 1);
        show("taken", 0, (pid_t[]){ 1 }, 1);
        show("too large", 0, (pid_t[]){ 5000000 }, 1);
        show("a level too many", 0, (pid_t[40]){ 80, 81, 82, 83, 84, 85, 86 }, 7);
        show("33 levels", 0, (pid_t[40]){ 80 }, 33);
        show("no array", 0, NULL, 1);
        show("no count", 0, (pid_t[]){ 70 }, 0);
        pid_t inner = attempt(CLONE_NEWPID, (pid_t[]){ 1, 300 }, 2);
        if (inner == 0) {
            show("both", 0, (pid_t[]){ 42, 400 }, 2);
            show("outer taken", 0, (pid_t[]){ 43, 300 }, 2);
            show("inner taken", 0, (pid_t[]){ 1, 401 }, 2);
            show("next after the wanted", 0, NULL, 0);
            if (setuid(1000) == 0)
                show("without privilege", 0, (pid_t[]){ 90 }, 1);
            _exit(0);
        }
        say("inner %d %s", inner, ended(inner));
        pid_t next = fork();
        if (next == 0)
            _exit(0);
        say("the next one is %d", next);
        ended(next);
        _exit(0);
    }
    say("%s", ended(outer));
    return 0;
}
