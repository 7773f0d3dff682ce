/* All clone flags, one by one and in pairs, on top of a base: what is refused and how. The table leaves nothing out that
 * Linux 6.12 has for clone; the flags of new namespaces need root. */
#ifndef CLONE_PAIRS_H
#define CLONE_PAIRS_H
#include "raw_clone.h"
struct flag { uint64_t flag; const char *name; };
#define F(name) { CLONE_##name, #name }
static const struct flag flags[] = {
    F(VM), F(FS), F(FILES), F(SIGHAND), F(PIDFD), F(PTRACE), F(VFORK), F(PARENT), F(THREAD), F(NEWNS), F(SYSVSEM),
    F(SETTLS), F(PARENT_SETTID), F(CHILD_CLEARTID), F(DETACHED), F(UNTRACED), F(CHILD_SETTID), F(NEWCGROUP), F(NEWUTS),
    F(NEWIPC), F(NEWUSER), F(NEWPID), F(NEWNET), F(IO),
#ifdef CLONE3_PAIRS
    F(CLEAR_SIGHAND), F(INTO_CGROUP), { 0x80, "NEWTIME" }, { 1, "CSIGNAL1" }, { 1ULL << 34, "UNKNOWN" },
#endif
};
#undef F
static char *stack;
static int *box;
static int child(void *unused) { (void)unused; return 0; }

/* After a clone that worked: wait for the child, by whatever way there is. */
static const char *gone(pid_t pid, uint64_t set)
{
    if (set & CLONE_PIDFD)
        close(box[0]);
    if (set & CLONE_THREAD)
        while (syscall(SYS_tgkill, getpid(), pid, 0) == 0) // its stack is used again
            sched_yield();
    else if (set & CLONE_PARENT)
        while (kill(pid, 0) == 0) // the reaper takes it away
            pause_ms(1);
    else if (waitpid(pid, NULL, __WALL) != pid)
        return "not to be waited for";
    return "ok";
}
static const char *attempt(uint64_t set);

/* A line for each flag of the first `count`, with all flags after it that make another result than ok. */
static void table(uint64_t base, const char *what)
{
    for (int i = 0; i < NELEM(flags); i++) {
        char line[1024] = "";
        int refused = 0, same = 1;
        const char *first = NULL;
        for (int j = 0; j < NELEM(flags); j++) {
            // PID 1 of a namespace ignores SIGCHLD when it dies, and so does who shares its handlers
            signal(SIGCHLD, SIG_DFL);
            const char *result = attempt(base | flags[i].flag | flags[j].flag);
            if (!first)
                first = result;
            same &= strcmp(first, result) == 0;
            if (strcmp(result, "ok") == 0)
                continue;
            refused++;
            snprintf(line + strlen(line), sizeof line - strlen(line), " %s:%s", flags[j].name, result);
        }
        if (same)
            say("%s, %s with anything: %s", what, flags[i].name, first);
        else
            say("%s, %s with%s", what, flags[i].name, refused ? line : " anything: ok");
    }
}
/* The tables are made by a child, so that children made with CLONE_PARENT are ours to reap. */
static int run_tables(void (*tables)(void))
{
    pid_t maker = spawn();
    if (maker == 0) {
        stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        box = shared(4096);
        tables();
        _exit(0);
    }
    int status = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) != maker;)
        if (pid == -1)
            die("wait");
    say("maker: %s", status_text(status));
    return 0;
}
#endif
