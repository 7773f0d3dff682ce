// Numbers that come with messages, locks and signals are those of the reader's namespace; 0 for one it does not see.
// needs: root
#include "pidns.h"
#include <sys/socket.h>
static int pair[2];
static pid_t sender(int by)
{
    char data, space[CMSG_SPACE(sizeof(struct ucred))];
    struct iovec part = { &data, 1 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
    MUST(recvmsg(by, &message, 0));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    struct ucred creds = { .pid = -7 };
    if (header && header->cmsg_type == SCM_CREDENTIALS)
        memcpy(&creds, CMSG_DATA(header), sizeof creds);
    return creds.pid;
}
static long send_as(int by, pid_t pid)
{
    char space[CMSG_SPACE(sizeof(struct ucred))] = { 0 };
    struct iovec part = { "x", 1 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_CREDENTIALS;
    header->cmsg_len = CMSG_LEN(sizeof(struct ucred));
    struct ucred creds = { .pid = pid, .uid = getuid(), .gid = getgid() };
    memcpy(CMSG_DATA(header), &creds, sizeof creds);
    return sendmsg(by, &message, 0);
}
static pid_t peer(int by)
{
    struct ucred creds;
    socklen_t size = sizeof creds;
    MUST(getsockopt(by, SOL_SOCKET, SO_PEERCRED, &creds, &size));
    return creds.pid;
}
static pid_t holder(int fd)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    MUST(fcntl(fd, F_GETLK, &lock));
    return lock.l_type == F_UNLCK ? -1 : lock.l_pid;
}
static void lock_it(int fd)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
    MUST(fcntl(fd, F_SETLK, &lock));
}
static volatile int from = -1, status;
static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    from = info->si_pid, status = info->si_status;
}
int main(void)
{
    int one = 1, go[2], back[2], fd = MUST(memfd_create("file", 0)), other = MUST(memfd_create("other", 0));
    pid_t me = getpid();
    MUST(pipe(go));
    MUST(pipe(back));
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    for (int i = 0; i < 2; i++)
        MUST(setsockopt(pair[i], SOL_SOCKET, SO_PASSCRED, &one, sizeof one));
    MUST(fcntl(pair[0], F_SETOWN, me));
    lock_it(fd);
    pid_t init = fork_newpid();
    if (init == 0) {
        say("message from outside: %d", sender(pair[1]));
        say("made by one outside: %d", peer(pair[1]));
        say("owner outside: %d", fcntl(pair[0], F_GETOWN));
        TRYAS("own it", fcntl(pair[1], F_SETOWN, 1));
        say("owner: %d", fcntl(pair[1], F_GETOWN));
        TRYAS("to be owned by nobody", fcntl(pair[1], F_SETOWN, 77));
        say("lock held outside: %d", holder(fd));
        lock_it(other);
        pid_t child = fork();
        if (child == 0) {
            say("lock held by the parent: %d", holder(other));
            MUST(write(pair[1], "x", 1));
            say("parent %d", getppid());
            _exit(0);
        }
        say("child %s", ended(child));
        TRYAS("claim to be 1", send_as(pair[1], 1));
        TRYAS("claim to be nobody", send_as(pair[1], 99));
        int pids[2] = { 0, 0 };
        MUST(setpriority(PRIO_PROCESS, 1, 3));
        say("priority of 1: %d", getpriority(PRIO_PROCESS, 1));
        TRYAS("priority of 2", getpriority(PRIO_PROCESS, 2));
        TRYAS("scheduler of 1", syscall(SYS_sched_getscheduler, 1));
        TRYAS("scheduler of nobody", syscall(SYS_sched_getscheduler, 99));
        struct rlimit limit;
        TRYAS("limits of 1", prlimit(1, RLIMIT_CORE, NULL, &limit));
        clockid_t clock;
        say("CPU clock of 1: %s", err(clock_getcpuclockid(1, &clock)));
        say("set_tid_address says %ld", syscall(SYS_set_tid_address, &pids[0]));
        struct clone3_args args = { .flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID, .exit_signal = SIGCHLD,
            .parent_tid = (uintptr_t)&pids[0], .child_tid = (uintptr_t)&pids[1] };
        child = clone3(&args, sizeof args);
        if (child == 0) {
            say("written in the child: %d", pids[1]);
            _exit(0);
        }
        ended(child);
        say("written in the parent: %d, returned %d", pids[0], child);
        tell(back);
        hear(go);
        _exit(5);
    }
    MUST(write(pair[0], "x", 1));
    hear(back);
    say("message from inside is not from its PID 2, nor from PID 1: %d", sender(pair[0]) > 2);
    say("claimed 1: is its PID 1 seen from here %d", sender(pair[0]) == init);
    say("owner inside: %d", fcntl(pair[1], F_GETOWN) == init);
    say("lock held inside: %d", holder(other) == init);
    on_siginfo(SIGCHLD, handler, 0);
    tell(go);
    while (from == -1)
        sched_yield();
    say("SIGCHLD from the right number %d, status %d", from == init, status);
    say("%s", ended(init));
    return 0;
}
