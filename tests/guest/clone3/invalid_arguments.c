// Every argument that clone3 refuses.
#include "guest.h"
static void attempt(const char *what, struct clone3_args args)
{
    long pid = clone3(&args, sizeof args);
    if (pid == 0)
        _exit(0);
    say("%s: %s", what, pid > 0 ? "ok" : err(errno));
    if (pid > 0)
        waitpid(pid, NULL, __WALL);
}
#define CASE(...) attempt(#__VA_ARGS__, (struct clone3_args){ __VA_ARGS__ })
static char stack[65536] __attribute__((aligned(16)));
static int box;
int main(void)
{
    on_signal(64, SIG_IGN, 0);
    uintptr_t at = (uintptr_t)stack, word = (uintptr_t)&box;
    CASE(.exit_signal = SIGCHLD);
    CASE(.exit_signal = 0);
    CASE(.exit_signal = 64);
    CASE(.exit_signal = 65);
    CASE(.exit_signal = 255);
    CASE(.exit_signal = 256);
    CASE(.exit_signal = 1ULL << 32 | SIGCHLD);
    CASE(.flags = SIGCHLD);
    CASE(.flags = CLONE_DETACHED, .exit_signal = SIGCHLD);
    CASE(.flags = 1ULL << 40, .exit_signal = SIGCHLD);
    CASE(.flags = CLONE_SIGHAND, .exit_signal = SIGCHLD);
    CASE(.flags = CLONE_THREAD, .exit_signal = 0);
    CASE(.flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, .exit_signal = SIGCHLD);
    CASE(.flags = CLONE_PARENT, .exit_signal = SIGCHLD);
    CASE(.flags = CLONE_SIGHAND | CLONE_VM | CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD);
    CASE(.flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD);
    CASE(.flags = CLONE_NEWNS | CLONE_FS, .exit_signal = SIGCHLD);
    CASE(.stack = at, .exit_signal = SIGCHLD);
    CASE(.stack_size = 4096, .exit_signal = SIGCHLD);
    CASE(.stack = 1ULL << 63, .stack_size = 4096, .exit_signal = SIGCHLD);
    CASE(.set_tid = word, .exit_signal = SIGCHLD);
    CASE(.set_tid_size = 1, .exit_signal = SIGCHLD);
    CASE(.set_tid = word, .set_tid_size = 33, .exit_signal = SIGCHLD);
    CASE(.flags = CLONE_PIDFD | CLONE_PARENT_SETTID, .pidfd = word, .parent_tid = word, .exit_signal = SIGCHLD);
    CASE(.flags = CLONE_PIDFD, .pidfd = 8, .exit_signal = SIGCHLD);
    CASE(.flags = CLONE_INTO_CGROUP, .cgroup = 1ULL << 31, .exit_signal = SIGCHLD);
    CASE(.flags = CLONE_INTO_CGROUP, .cgroup = 1234, .exit_signal = SIGCHLD);
    return 0;
}
