// CLONE_INTO_CGROUP: the child is born in the group of a descriptor; each errno. Without it: in its parent's.
// needs: root linux-6.12
#include "../cgroup.h"
static long into(uint64_t fd, uint64_t flags)
{
    struct clone3_args args = { .flags = flags | CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = fd };
    if (flags & CLONE_THREAD) {
        args.exit_signal = 0;
        args.stack = (uint64_t)(uintptr_t)mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        args.stack_size = 65536;
    }
    return clone3(&args, sizeof args);
}
static void born(const char *what, long pid)
{
    if (pid == 0) {
        const char *where = group_of("self");
        say("%s: born in %s", what, strchr(where + 1, '/') ? strchr(where + 1, '/') : "the top");
        _exit(0);
    }
    if (pid == -1)
        say("%s: %s", what, err(errno));
    else
        reap(pid, what);
}
int main(void)
{
    setup();
    MUST(group("a"));
    MUST(group("b"));
    PUT("b", "cgroup.procs", "0");
    int a = open_group("a"), file = open(in("a", "cgroup.procs"), O_RDWR), other = open("/", O_RDONLY | O_DIRECTORY);
    int place = open(in("a", ""), O_PATH | O_DIRECTORY);
    born("a", into(a, 0));
    born("O_PATH", into(place, 0));
    born("fork", spawn());
    born("its own", into(open_group("b"), 0));
    born("a file", into(file, 0));
    born("another file system", into(other, 0));
    born("a pipe", into(({ int fd[2]; pipe(fd); fd[0]; }), 0));
    born("closed", into(77, 0));
    born("large", into(1ULL << 32, 0));
    born("minus", into(-1, 0));
    born("a thread elsewhere", into(a, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD));
    struct clone3_args small = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = a };
    born("no room for it", clone3(&small, 80));
    say("a: %s", outcome(ungroup("a")));
    born("removed", into(a, 0));
    // a user who may not
    MUST(group("c"));
    MUST(group("d"));
    MUST(chown(in("d", ""), 1000, 1000));
    MUST(chown(in("d", "cgroup.procs"), 1000, 1000));
    int c = open_group("c"), d = open_group("d");
    pid_t pid = spawn();
    if (pid == 0) {
        MUST(setgid(1000));
        MUST(setuid(1000));
        born("not mine", into(c, 0));
        born("mine, but not what is above", into(d, 0));
        PUT("c", "cgroup.procs", "0");
        PUT("d", "cgroup.procs", "0");
        _exit(0);
    }
    reap(pid, "user");
    MUST(chown(in("", "cgroup.procs"), 1000, 1000));
    pid = spawn();
    if (pid == 0) {
        MUST(setgid(1000));
        MUST(setuid(1000));
        born("mine", into(d, 0));
        PUT("d", "cgroup.procs", "0");
        _exit(0);
    }
    reap(pid, "user");
    PUT("", "cgroup.procs", "0");
    say("%s", outcome(ungroup("b")));
    say("%s", outcome(ungroup("c")));
    say("%s", outcome(ungroup("d")));
    cleanup();
    return 0;
}
