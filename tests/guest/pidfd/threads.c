// pidfds of threads (PIDFD_THREAD): a leader that ends before its threads, and a thread that execs.
// needs: linux-6.16
#include "guest.h"
#define PIDFD_THREAD O_EXCL
static int told[2], go[2];
static const char *me;
static const char *events(int fd)
{
    static char text[4][32];
    static int turn;
    struct pollfd p = { .fd = fd, .events = POLLIN };
    char *buffer = text[turn++ % 4];
    poll(&p, 1, 0);
    snprintf(buffer, 32, "%#x", p.revents);
    return buffer;
}
static int open_pidfd(pid_t pid, unsigned flags) { return syscall(SYS_pidfd_open, pid, flags); }
static long signal0(int fd) { return syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0); }
static void *run(void *exec)
{
    pid_t tid = syscall(SYS_gettid);
    char c;
    MUST(write(told[1], &tid, sizeof tid));
    MUST(read(go[0], &c, 1));
    if (exec)
        execl(me, me, "again", NULL);
    return NULL;
}
static pid_t child_with_thread(int exec, pid_t *tid)
{
    pid_t pid = spawn();
    if (pid == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, run, exec ? &thread : NULL);
        if (!exec)
            syscall(SYS_exit, 5);
        for (;;)
            pause();
    }
    MUST(read(told[0], tid, sizeof *tid));
    return pid;
}
static void show(const char *when, int process, int leader, int thread)
{
    say("%s: process %s, leader %s, thread %s", when, events(process), events(leader), events(thread));
}
int main(int argc, char **argv)
{
    siginfo_t info = { 0 };
    pid_t tid;
    me = argv[0];
    if (argc > 1) {
        char c = 'x';
        (void)!write(100, &c, 1);
        for (;;)
            pause();
    }
    MUST(pipe(told));
    MUST(pipe(go));
    pid_t pid = child_with_thread(0, &tid);
    int process = MUST(open_pidfd(pid, 0)), leader = MUST(open_pidfd(pid, PIDFD_THREAD));
    TRYAS("a thread without the flag", open_pidfd(tid, 0));
    int thread = MUST(open_pidfd(tid, PIDFD_THREAD));
    nanosleep(&(struct timespec){ 0, 100 * MS }, NULL);
    show("leader gone", process, leader, thread);
    TRYAS("signal to the process", signal0(process));
    TRYAS("signal to the leader", signal0(leader));
    TRYAS("wait for the thread", waitid(P_PIDFD, thread, &info, WEXITED | WNOHANG));
    TRYAS("wait for the leader", waitid(P_PIDFD, leader, &info, WEXITED | WNOHANG));
    MUST(write(go[1], "x", 1));
    struct pollfd p = { .fd = process, .events = POLLIN };
    poll(&p, 1, -1);
    show("both gone", process, leader, thread);
    TRYAS("open a zombie", open_pidfd(pid, 0));
    TRYAS("signal to a zombie", signal0(process));
    TRYAS("signal to a thread that is gone", signal0(thread));
    TRYAS("descriptor of a zombie", syscall(SYS_pidfd_getfd, process, 0, 0));
    TRYAS("wait by the thread's flag", waitid(P_PIDFD, leader, &info, WEXITED));
    show("reaped", process, leader, thread);
    TRYAS("signal", signal0(process));
    TRYAS("descriptor", syscall(SYS_pidfd_getfd, process, 0, 0));
    TRYAS("wait", waitid(P_PIDFD, process, &info, WEXITED));

    int up[2];
    MUST(pipe(up));
    MUST(dup2(up[1], 100));
    pid = child_with_thread(1, &tid);
    process = MUST(open_pidfd(pid, 0)), leader = MUST(open_pidfd(pid, PIDFD_THREAD));
    thread = MUST(open_pidfd(tid, PIDFD_THREAD));
    MUST(write(go[1], "x", 1));
    char c;
    MUST(read(up[0], &c, 1));
    show("the thread has exec'd", process, leader, thread);
    TRYAS("signal to the thread", signal0(thread));
    TRYAS("signal to the leader", signal0(leader));
    MUST(kill(pid, SIGKILL));
    TRYAS("wait", waitid(P_PIDFD, leader, &info, WEXITED));
    return 0;
}
