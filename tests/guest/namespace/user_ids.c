// Numbers of users that cross between user namespaces: stat, chown, signals, waitid, credentials of sockets, /proc.
// needs: root
#include "ns.h"
#include <sys/auxv.h>
#include <sys/socket.h>
static char file[64], path[64];
static void owner(const char *when)
{
    struct stat st;
    MUST(stat(file, &st));
    say("%s: owner %d group %d", when, (int)st.st_uid, (int)st.st_gid);
}
static volatile sig_atomic_t sender = -1;
static void handler(int sig, siginfo_t *info, void *context) { sender = info->si_uid; }
static void receive(int fd, const char *when)
{
    char data, control[CMSG_SPACE(sizeof(struct ucred))];
    struct iovec iov = { &data, 1 };
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    MUST(recvmsg(fd, &message, 0));
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    struct ucred *cred = head ? (struct ucred *)CMSG_DATA(head) : 0;
    say("%s: uid %d gid %d", when, cred ? (int)cred->uid : -1, cred ? (int)cred->gid : -1);
}
static int transmit(int fd, int uid, int gid)
{
    char control[CMSG_SPACE(sizeof(struct ucred))] = { 0 };
    struct iovec iov = { "x", 1 };
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET, head->cmsg_type = SCM_CREDENTIALS, head->cmsg_len = CMSG_LEN(sizeof(struct ucred));
    struct ucred cred = { getpid(), uid, gid };
    memcpy(CMSG_DATA(head), &cred, sizeof cred);
    return sendmsg(fd, &message, 0);
}
int main(void)
{
    char dir[] = "/tmp/nsXXXXXX";
    MUST(mkdtemp(dir) ? 0 : -1);
    chmod(dir, 0777);
    snprintf(file, sizeof file, "%s/f", dir);
    close(MUST(open(file, O_CREAT | O_RDWR, 0600)));
    MUST(chown(file, 1000, 2001));
    int pair[2], on = 1;
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    MUST(setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    MUST(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    sigaction(SIGUSR1, &action, 0);
    struct gate made = new_gate(), mapped = new_gate(), sent = new_gate();
    pid_t pid = MUST(sys_clone(CLONE_NEWUSER));
    if (pid == 0) {
        owner("unmapped");
        open_gate(made);
        pass_gate(mapped);
        owner("mapped");
        MUST(setgid(2));
        MUST(setuid(5));
        TRYAS("chown to an unmapped user", chown(file, 99, -1));
        TRYAS("chown within, not privileged", chown(file, 6, -1));
        transmit(pair[1], 5, 2);
        TRYAS("another's number", transmit(pair[1], 6, 2));
        TRYAS("no number", transmit(pair[1], 99, 2));
        open_gate(sent);
        while (sender == -1)
            pause_ms(1);
        say("signal from user %d", (int)sender);
        receive(pair[1], "from outside");
        struct ucred peer;
        socklen_t size = sizeof peer;
        MUST(getsockopt(pair[1], SOL_SOCKET, SO_PEERCRED, &peer, &size));
        say("peer %d %d", (int)peer.uid, (int)peer.gid);
        gid_t groups[8];
        int n = getgroups(8, groups);
        say("groups %d", n);
        for (int i = 0; i < n; i++)
            say("group %d", (int)groups[i]);
        pid_t inner = fork();
        if (inner == 0)
            _exit(3);
        siginfo_t info = { 0 };
        waitid(P_PID, inner, &info, WEXITED);
        say("waitid user %d", (int)info.si_uid);
        say("setfsuid %d %d", (int)syscall(SYS_setfsuid, 99), (int)syscall(SYS_setfsuid, -1));
        siginfo_t queued = { .si_code = SI_QUEUE };
        queued.si_uid = 6;
        sender = -1;
        TRYAS("queue to myself", syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &queued));
        say("from user %d", (int)sender);
        queued.si_uid = 99;
        TRYAS("from no number", syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &queued));
        say("from user %d", (int)sender);
        kill(getppid(), SIGUSR1);
        snprintf(path, sizeof path, "/proc/%d", (int)getppid());
        struct stat st;
        MUST(stat(path, &st));
        say("parent's /proc: %d %d", (int)st.st_uid, (int)st.st_gid);
        errno = 0;
        TRYAS("getpriority of an unmapped user", getpriority(PRIO_USER, 99));
        _exit(0);
    }
    pass_gate(made);
    gid_t groups[2] = { 2001, 77 };
    MUST(syscall(SYS_setgroups, 0, 0));
    snprintf(path, sizeof path, "/proc/%d/uid_map", (int)pid);
    MUST(put_file(path, "0 0 1\n5 1000 2"));
    snprintf(path, sizeof path, "/proc/%d/gid_map", (int)pid);
    MUST(put_file(path, "0 0 1\n2 2000 2"));
    open_gate(mapped);
    pass_gate(sent);
    receive(pair[0], "from inside");
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    char *line = strstr(get_file(path), "\nUid:");
    line[strcspn(line + 1, "\n") + 1] = 0;
    say("status%s", line);
    pid_t other = spawn();
    if (other == 0) {
        MUST(syscall(SYS_setgroups, 2, groups));
        MUST(setgid(2001));
        MUST(setuid(1001));
        transmit(pair[0], 1001, 2001);
        TRYAS("kill of another user inside", kill(pid, SIGUSR1));
        _exit(0);
    }
    reap(other, "other");
    MUST(kill(pid, SIGUSR1));
    int status;
    while (waitpid(pid, &status, 0) == -1 && errno == EINTR) {
    }
    say("child %s, its signal came from user %d", status_text(status), (int)sender);
    owner("in the end");
    unlink(file);
    rmdir(dir);
    return 0;
}
