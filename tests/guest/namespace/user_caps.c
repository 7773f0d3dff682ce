// A new user namespace gives all capabilities within it, and none over what is outside.
// needs: root
#include "ns.h"
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/socket.h>
static void caps(const char *when)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct d[2];
    MUST(syscall(SYS_capget, &header, d));
    say("%s: effective %08x%08x permitted %08x%08x inheritable %x bounding %d securebits %#x", when, d[1].effective,
        d[0].effective, d[1].permitted, d[0].permitted, d[0].inheritable, prctl(PR_CAPBSET_READ, 0),
        prctl(PR_GET_SECUREBITS));
}
int main(int argc, char **argv)
{
    if (argc > 1) {
        caps(argv[1]);
        return 0;
    }
    pid_t victim = spawn();
    if (victim == 0) {
        pause();
        _exit(0);
    }
    char dir[] = "/tmp/nsXXXXXX", file[64];
    MUST(mkdtemp(dir) ? 0 : -1);
    chmod(dir, 0755);
    snprintf(file, sizeof file, "%s/f", dir);
    close(MUST(open(file, O_CREAT | O_RDWR, 0600)));
    pid_t pid = spawn();
    if (pid == 0) {
        MUST(setgid(1001));
        MUST(setuid(1000));
        prctl(PR_SET_DUMPABLE, 1);
        caps("user");
        ino_t before = ns_ino("user");
        MUST(sys_unshare(CLONE_NEWUSER | CLONE_NEWUTS));
        caps("in the namespace");
        say("another one %d", ns_ino("user") != before);
        TRY(sethostname("mine", 4));
        TRYAS("kill outside", kill(victim, SIGUSR1));
        TRYAS("open root's file", open(file, O_RDWR));
        TRYAS("chown", chown(file, 0, 0));
        TRY(settimeofday(&(struct timeval){ 1, 0 }, 0));
        TRY(mknod("/tmp/no-device", S_IFCHR | 0600, 259));
        TRYAS("nice -5", setpriority(PRIO_PROCESS, 0, -5));
        struct rlimit limit = { 1 << 20, 1 << 30 };
        getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_max++;
        TRYAS("raise a limit", setrlimit(RLIMIT_NOFILE, &limit));
        TRYAS("own setuid before a map", setuid(0));
        TRYAS("own setgid before a map", setgid(0));
        TRYAS("setgroups before a map", syscall(SYS_setgroups, 0, 0));
        TRYAS("drop from bounding", prctl(PR_CAPBSET_DROP, 0));
        int self = fork();
        if (self == 0) {
            execl("/proc/self/exe", argv[0], "after execve without a map", (char *)0);
            _exit(1);
        }
        reap(self, "exec");
        TRYAS("map", put_file("/proc/self/uid_map", "0 1000 1"));
        self = fork();
        if (self == 0) {
            execl("/proc/self/exe", argv[0], "after execve as root", (char *)0);
            _exit(1);
        }
        reap(self, "exec");
        TRYAS("new UTS namespace with it", sys_unshare(CLONE_NEWUTS));
        _exit(0);
    }
    reap(pid, "user");
    kill(victim, SIGKILL);
    reap(victim, "victim");
    unlink(file);
    rmdir(dir);
    return 0;
}
