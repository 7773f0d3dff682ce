// Every pair of sharing flags: which clone refuses, which it takes (namespaces left out: they need privileges).
// needs: linux-6.9
#include "raw_clone.h"
static const struct { unsigned long flag; const char *name; } flags[] = {
#define F(name) { CLONE_##name, #name }
    F(VM), F(FS), F(FILES), F(SIGHAND), F(PIDFD), F(PTRACE), F(VFORK), F(PARENT), F(THREAD), F(SYSVSEM), F(SETTLS),
    F(PARENT_SETTID), F(CHILD_CLEARTID), F(DETACHED), F(UNTRACED), F(CHILD_SETTID), F(IO),
#undef F
};
static char *stack;
static int *box;
static int child(void *unused) { (void)unused; return 0; } // no thread-local storage: SETTLS takes it away
static const char *attempt(unsigned long set)
{
    box[0] = box[1] = -1;
    pid_t pid = clone_on(stack + 65536, set | SIGCHLD, child, NULL, &box[0], &box[1]);
    if (pid == -1)
        return errno == EINVAL ? "EINVAL" : err(errno);
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
int main(void)
{
    pid_t maker = spawn();
    if (maker == 0) {
        stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        box = shared(4096);
        const unsigned long bases[] = { 0, CLONE_VM, CLONE_VM | CLONE_SIGHAND };
        for (int b = 0; b < NELEM(bases); b++)
            for (int i = 0; i < NELEM(flags); i++) {
                char line[1024] = "";
                for (int j = i; j < NELEM(flags); j++) {
                    const char *result = attempt(bases[b] | flags[i].flag | flags[j].flag);
                    if (strcmp(result, "ok") == 0)
                        continue;
                    snprintf(line + strlen(line), sizeof line - strlen(line), " %s:%s", flags[j].name, result);
                }
                say("base %#lx, %s with%s", bases[b], flags[i].name, *line ? line : " anything: ok");
            }
        _exit(0);
    }
    int status = 0;
    for (pid_t pid; (pid = wait(&status)) != maker;)
        if (pid == -1)
            die("wait");
    say("maker: %s", status_text(status));
    return 0;
}
