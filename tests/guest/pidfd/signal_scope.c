// pidfd_send_signal: how far each flag goes, by which descriptors, and what stands for the caller itself.
// needs: linux-6.14
#include "guest.h"
#define PIDFD_THREAD O_EXCL
#define PIDFD_SELF_THREAD -10000
#define PIDFD_SELF_THREAD_GROUP -10001
static long send(int fd, int number, unsigned flags) { return syscall(SYS_pidfd_send_signal, fd, number, NULL, flags); }
static void by_path(const char *path, int flags)
{
    int fd = MUST(open(path, flags));
    say("%s%s: %s", path, flags & O_PATH ? " (O_PATH)" : "", outcome(send(fd, 0, 0)));
    close(fd);
}
static volatile int caught_by, code;
static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    caught_by = syscall(SYS_gettid), code = info->si_code;
}
static int told[2], hold[2];
static void *wait_here(void *unused)
{
    pid_t tid = syscall(SYS_gettid);
    char c;
    MUST(write(told[1], &tid, sizeof tid));
    while (read(hold[0], &c, 1) != 1)
        ;
    return unused;
}
int main(void)
{
    siginfo_t info = { 0 };
    int self = MUST(syscall(SYS_pidfd_open, getpid(), 0));
    for (unsigned flags = 0; flags < 10; flags++)
        say("flags %u: %s", flags, flags == 4 ? "not tried" : outcome(send(self, 0, flags)));
    by_path("/proc/self", O_RDONLY | O_DIRECTORY);
    by_path("/proc/self", O_PATH | O_DIRECTORY);
    by_path("/proc", O_RDONLY | O_DIRECTORY);
    by_path("/proc/self/task", O_RDONLY | O_DIRECTORY);
    by_path("/proc/thread-self", O_RDONLY | O_DIRECTORY);
    by_path("/proc/self/stat", O_RDONLY);
    int directory = MUST(open("/proc/self", O_RDONLY | O_DIRECTORY));
    TRYAS("wait by /proc/self", waitid(P_PIDFD, directory, &info, WEXITED));
    TRYAS("getfd by /proc/self", syscall(SYS_pidfd_getfd, directory, 0, 0));
    TRYAS("this thread", send(PIDFD_SELF_THREAD, 0, 0));
    TRYAS("this process", send(PIDFD_SELF_THREAD_GROUP, 0, 0));
    TRYAS("wait for this process", waitid(P_PIDFD, PIDFD_SELF_THREAD_GROUP, &info, WEXITED));
    TRYAS("wait for -1", waitid(P_PIDFD, -1, &info, WEXITED));
    TRYAS("getfd of -1", syscall(SYS_pidfd_getfd, -1, 0, 0));

    on_siginfo(SIGUSR1, handler, 0);
    MUST(pipe(told));
    MUST(pipe(hold));
    pthread_t thread;
    pid_t tid;
    pthread_create(&thread, NULL, wait_here, NULL);
    MUST(read(told[0], &tid, sizeof tid));
    block(SIGSET(SIGUSR1)); /* so that only the other thread can take what is for the process */
    int other = MUST(syscall(SYS_pidfd_open, tid, PIDFD_THREAD));
    struct { const char *what; int fd; unsigned flags; } ways[] = {
        { "thread descriptor", other, 0 }, { "as thread", other, 1 }, { "as process", other, 2 },
        { "process descriptor", self, 0 }, { "of the process, as process", self, 2 },
    };
    for (int i = 0; i < NELEM(ways); i++) {
        caught_by = 0;
        TRYAS(ways[i].what, send(ways[i].fd, SIGUSR1, ways[i].flags));
        while (!caught_by)
            sched_yield();
        say("caught by the other thread %d, code %d", caught_by == tid, code);
    }
    MUST(send(self, SIGUSR1, 1));
    sigset_t pending;
    sigpending(&pending);
    say("for this thread alone: pending %d", sigismember(&pending, SIGUSR1));
    MUST(write(hold[1], "x", 1));
    pthread_join(thread, NULL);

    pid_t leader = spawn();
    if (leader == 0) {
        setpgid(0, 0);
        signal(SIGTERM, SIG_DFL);
        if (fork() == 0)
            for (;;)
                pause();
        MUST(write(told[1], "xxxx", 4));
        for (;;)
            pause();
    }
    MUST(read(told[0], &tid, sizeof tid));
    int group = MUST(syscall(SYS_pidfd_open, leader, 0));
    MUST(prctl(PR_SET_CHILD_SUBREAPER, 1));
    TRYAS("to the group", send(group, SIGTERM, 4));
    int status;
    for (int i = 0; i < 2; i++) {
        MUST(wait(&status));
        say("%s", status_text(status));
    }
    TRYAS("to a group that is gone", send(group, 0, 4));
    return 0;
}
