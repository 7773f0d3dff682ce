// CLONE_IO: one I/O priority for both; without it the child starts with a copy. A parent that has none shares nothing.
#include "../raw_clone.h"
#define PRIO(class, level) ((class) << 13 | (level))
static struct gate go, done;
static int get(void) { return syscall(SYS_ioprio_get, 1, 0); }
static int set(int prio) { return syscall(SYS_ioprio_set, 1, 0, prio); }
static int child(void *unused)
{
    (void)unused;
    say("child begins with %#x", get());
    set(PRIO(2, 6));
    open_gate(done);
    pass_gate(go);
    say("child now has %#x", get());
    return 0;
}
static void both(const char *what, unsigned long flags)
{
    say("%s", what);
    go = new_gate(), done = new_gate();
    pid_t pid = clone_run(flags | SIGCHLD, child, NULL);
    pass_gate(done);
    say("parent has %#x", get());
    set(PRIO(2, 1));
    open_gate(go);
    reap(pid, "child");
    say("parent has %#x", get());
}
int main(void)
{
    pid_t pid = spawn();
    if (pid == 0) {
        both("none yet, shared", CLONE_IO);
        _exit(0);
    }
    reap(pid, "none yet");
    set(PRIO(2, 3));
    both("copied", 0);
    set(PRIO(2, 3));
    both("shared", CLONE_IO);
    set(PRIO(3, 0));
    both("shared by a thread's flags", CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_IO);
    pid = spawn();
    if (pid == 0) {
        say("fork: %#x", get());
        _exit(0);
    }
    return get() == 0 || waitpid(pid, NULL, 0) != pid;
}
