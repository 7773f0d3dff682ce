// What each answer of a seccomp filter does to a call, in the thread, its children and a new program.
#include "guest.h"
#include "seccomp.h"
#include <sys/ptrace.h>
#include <ucontext.h>
static void trapped(int number, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    say("SIGSYS: code %d errno %d syscall %d arch %x address %d rax %d", info->si_code, info->si_errno,
        info->si_syscall, info->si_arch, (long)info->si_call_addr == uc->uc_mcontext.gregs[REG_RIP],
        (int)uc->uc_mcontext.gregs[REG_RAX]);
    uc->uc_mcontext.gregs[REG_RAX] = 4711;
}
static void *thread(void *action)
{
    FORBID(0, SYS_getppid, (unsigned)(long)action);
    syscall(SYS_getppid);
    return "the call returned";
}
static void run(const char *name, void (*body)(unsigned), unsigned argument)
{
    int pid = fork();
    if (!pid) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        body(argument);
        _exit(7);
    }
    int status;
    waitpid(pid, &status, 0);
    if (WIFEXITED(status))
        say("%s: exit %d", name, WEXITSTATUS(status));
    else
        say("%s: signal %s", name, sig(WTERMSIG(status)));
}
static void show(void)
{
    char line[200];
    FILE *status = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, status))
        if (!strncmp(line, "Seccomp", 7))
            say("%s", strtok(line, "\n"));
    fclose(status);
}
static void with_errno(unsigned action)
{
    MUST(FORBID(0, SYS_getppid, action));
    long got = syscall(SYS_getppid);
    say("getppid: %ld %d", got, got < 0 ? errno : 0);
}
static void strictest(unsigned unused)
{
    MUST(FORBID(0, SYS_getppid, SECCOMP_RET_ERRNO | 1));
    MUST(FORBID(0, SYS_getppid, SECCOMP_RET_ERRNO | 2));
    say("getppid: %ld %d", (long)syscall(SYS_getppid), errno);
    MUST(FORBID(0, SYS_getppid, SECCOMP_RET_TRACE));
    say("getppid: %ld %d", (long)syscall(SYS_getppid), errno);
    show();
    int pid = fork();
    if (!pid) {
        say("child's getppid: %ld %d", (long)syscall(SYS_getppid), errno);
        show();
        execl("/proc/self/exe", "again", "exec", NULL);
    }
    waitpid(pid, 0, 0);
    MUST(FORBID(0, SYS_getppid, SECCOMP_RET_TRAP));
    signal(SIGSYS, SIG_DFL);
    syscall(SYS_getppid);
}
static void with_trap(unsigned data)
{
    struct sigaction action = { .sa_sigaction = trapped, .sa_flags = SA_SIGINFO };
    sigaction(SIGSYS, &action, 0);
    MUST(FORBID(0, SYS_getppid, SECCOMP_RET_TRAP | data));
    say("getppid: %ld", (long)syscall(SYS_getppid));
}
static void trap_blocked(unsigned unused)
{
    struct sigaction action = { .sa_sigaction = trapped, .sa_flags = SA_SIGINFO };
    sigaction(SIGSYS, &action, 0);
    sigset_t set;
    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, 0);
    MUST(FORBID(0, SYS_getppid, SECCOMP_RET_TRAP));
    syscall(SYS_getppid);
}
static void plain(unsigned action)
{
    MUST(FORBID(0, SYS_getppid, action));
    say("getppid: %d", (long)syscall(SYS_getppid) > 0 ? 0 : errno);
}
static void in_thread(unsigned action)
{
    pthread_t id;
    void *result = 0;
    MUST(pthread_create(&id, 0, thread, (void *)(long)action));
    struct timespec nap = { 0, 50 * MS };
    nanosleep(&nap, 0);
    say("the process goes on");
    show();
}
static void strict(unsigned write_only)
{
    int out = dup(1);
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
    write(out, "writing\n", 8);
    if (!write_only)
        syscall(SYS_getppid);
    syscall(SYS_exit, 3);
}
static void arguments(unsigned unused)
{
    MUST(INSTALL(0, NR, IS(SYS_lseek, 0, 3), ARG(1), IS(5, 0, 1), RET(SECCOMP_RET_ERRNO | ENXIO), ALLOW));
    int fd = open("/proc/self/exe", O_RDONLY);
    TRY(lseek(fd, 4, SEEK_SET));
    TRY(lseek(fd, 5, SEEK_SET));
    TRY(lseek(fd, 6, SEEK_SET));
}
int main(int argc, char **argv)
{
    if (argc > 1) {
        say("in the new program: %ld %d", (long)syscall(SYS_getppid), errno);
        return 0;
    }
    setbuf(stdout, 0);
    run("errno", with_errno, SECCOMP_RET_ERRNO | EXDEV);
    run("errno 0", with_errno, SECCOMP_RET_ERRNO);
    run("errno too large", with_errno, SECCOMP_RET_ERRNO | 0xffff);
    run("strictest", strictest, 0);
    run("trap", with_trap, 77);
    run("trap blocked", trap_blocked, 0);
    run("trace untraced", plain, SECCOMP_RET_TRACE);
    run("log", plain, SECCOMP_RET_LOG);
    run("allow", plain, SECCOMP_RET_ALLOW);
    run("kill process", plain, SECCOMP_RET_KILL_PROCESS);
    run("kill thread, alone", plain, SECCOMP_RET_KILL_THREAD);
    run("unknown action", plain, 0x12340000);
    run("kill process in a thread", in_thread, SECCOMP_RET_KILL_PROCESS);
    run("kill thread", in_thread, SECCOMP_RET_KILL_THREAD);
    run("strict", strict, 1);
    run("strict, more", strict, 0);
    run("arguments", arguments, 0);
    return 0;
}
