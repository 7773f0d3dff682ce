// The files of /proc/PID/ns: their text, type, ioctls, and what setns refuses.
// needs: root
#include "ns.h"
#include <sys/statfs.h>
int main(void)
{
    static const char *const kinds[] = { "uts", "ipc", "mnt", "pid", "pid_for_children", "net", "time",
        "time_for_children", "cgroup", "user" };
    char path[64], text[64];
    struct stat st;
    for (int i = 0; i < NELEM(kinds); i++) {
        snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i]);
        ssize_t n = MUST(readlink(path, text, sizeof text - 1));
        text[n] = 0;
        *strchr(text, '[') = 0;
        int fd = MUST(open(path, O_RDONLY));
        MUST(fstat(fd, &st));
        say("%s: %s type %#x mode %o links %d same number %d", kinds[i], text, ioctl(fd, NS_GET_NSTYPE), st.st_mode,
            (int)st.st_nlink, st.st_ino == ns_ino(kinds[i]));
        close(fd);
    }
    MUST(lstat("/proc/self/ns/uts", &st));
    say("link mode %o", st.st_mode);
    MUST(lstat("/proc/self/ns", &st));
    say("directory mode %o", st.st_mode);
    TRY(open("/proc/self/ns/nothing", O_RDONLY));
    TRY(open("/proc/self/ns/uts", O_RDWR));
    int fd = MUST(ns_open("uts"));
    struct statfs fs;
    MUST(fstatfs(fd, &fs));
    say("file system %#lx", (long)fs.f_type);
    TRY(read(fd, text, 1));
    TRYAS("parent of uts", ioctl(fd, NS_GET_PARENT));
    TRYAS("owner uid of uts", ioctl(fd, NS_GET_OWNER_UID, &st));
    TRYAS("other ioctl", ioctl(fd, 0xb7ff));
    int user = ioctl(fd, NS_GET_USERNS);
    say("owner %d type %#x", user >= 0, ioctl(user, NS_GET_NSTYPE));
    say("owner is the user namespace %d, close-on-exec %d", fd_ino(user) == ns_ino("user"), fcntl(user, F_GETFD));
    TRYAS("parent of the initial user namespace", ioctl(user, NS_GET_PARENT));
    TRYAS("its owner", ioctl(user, NS_GET_USERNS));
    uid_t uid = 77;
    TRYAS("owner's uid", ioctl(user, NS_GET_OWNER_UID, &uid));
    say("uid %d", (int)uid);
    TRYAS("wrong type", sys_setns(fd, CLONE_NEWNET));
    TRYAS("right type", sys_setns(fd, CLONE_NEWUTS));
    TRYAS("two types", sys_setns(fd, CLONE_NEWUTS | CLONE_NEWNET));
    TRYAS("no namespace", sys_setns(0, 0));
    TRYAS("no descriptor", sys_setns(-1, 0));
    TRYAS("own user namespace", sys_setns(user, 0));
    int pidfd = MUST(syscall(SYS_pidfd_open, getpid(), 0));
    TRYAS("pidfd, no type", sys_setns(pidfd, 0));
    TRYAS("pidfd, bad type", sys_setns(pidfd, CLONE_VM));
    TRYAS("pidfd, uts", sys_setns(pidfd, CLONE_NEWUTS));
    pid_t pid = spawn();
    if (pid == 0)
        _exit(0);
    siginfo_t info;
    waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
    int gone = MUST(syscall(SYS_pidfd_open, pid, 0));
    TRYAS("a zombie's, by pidfd", sys_setns(gone, CLONE_NEWUTS));
    TRYAS("a zombie's link", ns_open_of(pid, "uts"));
    say("a zombie's user namespace is there: %d", ns_open_of(pid, "user") >= 0);
    reap(pid, "child");
    TRYAS("a reaped one's, by pidfd", sys_setns(gone, CLONE_NEWUTS));
    pid = spawn();
    if (pid == 0) {
        MUST(setuid(1000));
        TRYAS("a user: link of another", ns_open_of(getppid(), "uts"));
        TRYAS("a user: setns", sys_setns(fd, 0));
        TRYAS("a user: unshare", sys_unshare(CLONE_NEWUTS));
        TRYAS("a user: clone", sys_clone(CLONE_NEWUTS));
        _exit(0);
    }
    reap(pid, "user");
    return 0;
}
