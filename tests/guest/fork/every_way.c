/* Children made in every way, one after the other; whatever fails is named and the program goes on. With failures
 * injected (tests/unit/test_failpoints.py) it tells which call got which error. */
#include "../guest.h"

static char stack[65536] __attribute__((aligned(16)));
static int shared_word;

static const char *how(int status)
{
    static char text[64];
    if (WIFSIGNALED(status))
        snprintf(text, sizeof text, "killed by %d", WTERMSIG(status));
    else
        snprintf(text, sizeof text, "exit %d", WEXITSTATUS(status));
    return text;
}

static void report(const char *what, int pid)
{
    int status, options = __WALL;
    if (pid < 0) {
        printf("%s: error %d\n", what, errno);
        return;
    }
    if (waitpid(pid, &status, options) != pid)
        printf("%s: wait error %d\n", what, errno);
    else
        printf("%s: %s\n", what, how(status));
}

static int child_of_clone(void *argument)
{
    shared_word++;
    return (int)(long)argument;
}

static void by_fork(int n)
{
    int pid = fork();
    if (pid == 0) {
        shared_word = n; /* a copy */
        _exit(n);
    }
    report("fork", pid);
}

static void by_vfork_exec(char *self)
{
    int pid = vfork();
    if (pid == 0) {
        execl(self, self, "7", (char *)0);
        _exit(100 + errno);
    }
    report("vfork and exec", pid);
}

static void by_fork_exec(char *self)
{
    int pid = fork();
    if (pid == 0) {
        int spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
        (void)spare;
        signal(SIGUSR1, SIG_IGN);
        execl(self, self, "8", (char *)0);
        _exit(100 + errno);
    }
    report("fork and exec", pid);
}

static void by_clone(const char *what, int flags)
{
    report(what, clone(child_of_clone, stack + sizeof stack, flags | SIGCHLD, (void *)9L));
}

static void by_clone3(void)
{
    int pidfd = -1;
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
    } args = {.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND, .pidfd = (uint64_t)(uintptr_t)&pidfd, .exit_signal = SIGCHLD};
    int pid = syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0)
        _exit(10);
    report("clone3", pid);
    if (pid > 0 && pidfd >= 0)
        close(pidfd);
}

static void *thread(void *argument)
{
    shared_word++;
    return argument;
}

static void by_thread(void)
{
    pthread_t id;
    void *result = NULL;
    int error = pthread_create(&id, NULL, thread, (void *)11L);
    if (error) {
        printf("thread: error %d\n", error);
        return;
    }
    pthread_join(id, &result);
    printf("thread: %ld\n", (long)result);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return atoi(argv[1]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGUSR1, (void (*)(int))by_fork);
    for (int n = 1; n <= 3; n++)
        by_fork(n);
    by_vfork_exec(argv[0]);
    by_fork_exec(argv[0]);
    by_clone("clone, memory shared", CLONE_VM);
    by_clone("clone, files shared", CLONE_FILES | CLONE_FS);
    by_clone("clone, handlers shared", CLONE_VM | CLONE_SIGHAND);
    by_clone3();
    by_thread();
    printf("shared word %d\n", shared_word);
    return 0;
}
