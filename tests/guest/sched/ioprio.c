// ioprio_set and ioprio_get: classes, levels, whom they mean, what fork and CLONE_IO do with them.
// needs: root
#include "guest.h"
#define VALUE(class, data) ((class) << 13 | (data))
#define set(which, who, value) syscall(SYS_ioprio_set, which, who, value)
static void show(const char *what, int which, int who)
{
    long got = syscall(SYS_ioprio_get, which, who);
    if (got == -1)
        say("%s: %s", what, err(errno));
    else
        say("%s: class %ld level %ld", what, got >> 13, got & 8191);
}
static void *thread(void *arg)
{
    (void)arg;
    show("a thread", 1, 0);
    TRYAS("its own", set(1, 0, VALUE(2, 1)));
    show("a thread", 1, 0);
    return NULL;
}
static int sharing(void *arg)
{
    (void)arg;
    show("with CLONE_IO", 1, 0);
    set(1, 0, VALUE(2, 5));
    return 0;
}
int main(void)
{
    show("at first", 1, 0);
    for (int class = 0; class <= 9; class++)
        for (int level = 0; level <= 9; level += 3) {
            long result = set(1, 0, VALUE(class, level));
            say("class %d level %d: %s", class, level, result == -1 ? err(errno) : "ok");
            if (!result)
                show("  now", 1, 0);
        }
    TRYAS("negative", set(1, 0, -1));
    TRYAS("large", set(1, 0, 0x10000 | VALUE(2, 2)));
    show("large", 1, 0);
    TRYAS("which 0", set(0, 0, VALUE(2, 2)));
    TRYAS("which 4", set(4, 0, VALUE(2, 2)));
    show("which 0", 0, 0), show("which 4", 4, 0);
    show("nobody", 1, 4000000), show("no group", 2, 4000000), show("no user", 3, 54321);
    TRYAS("nobody", set(1, 4000000, VALUE(2, 2)));
    set(1, 0, VALUE(2, 4));
    pid_t pid = spawn();
    if (!pid) {
        show("child", 1, 0);
        setpgid(0, 0);
        set(2, 0, VALUE(2, 6));
        show("group", 2, 0);
        pid_t other = spawn();
        if (!other) {
            set(1, 0, VALUE(2, 1));
            pause();
        }
        pause_ms(50);
        show("best of the group", 2, 0);
        kill(other, SIGKILL);
        waitpid(other, NULL, 0);
        setuid(12345);
        show("user", 3, 12345);
        TRYAS("real time without privilege", set(1, 0, VALUE(1, 4)));
        TRYAS("idle without privilege", set(1, 0, VALUE(3, 0)));
        TRYAS("another user's", set(1, getppid(), VALUE(2, 4)));
        show("another user's", 1, getppid());
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    show("parent", 1, 0);
    pthread_t t;
    pthread_create(&t, NULL, thread, NULL), pthread_join(t, NULL);
    show("after the thread", 1, 0);
    static char stack[65536] __attribute__((aligned(16)));
    extern int clone(int (*)(void *), void *, int, void *, ...);
    pid = clone(sharing, stack + sizeof stack, 0x80000000 | SIGCHLD, NULL);
    waitpid(pid, NULL, 0);
    show("shared", 1, 0);
    return 0;
}
