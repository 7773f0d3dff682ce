/* PTRACE_SYSCALL: a stop before and after each call; arguments, number and result changed; SYSEMU; what
 * PTRACE_GET_SYSCALL_INFO says. */
#include "ptrace.h"

struct call_info {
    uint8_t op, pad[3];
    uint32_t arch;
    uint64_t ip, sp;
    union {
        struct { uint64_t nr, args[6]; } entry;
        struct { int64_t rval; uint8_t is_error; } exit;
    };
};

static int step(int pid, int request, const char *what)
{
    struct user_regs_struct regs;
    int status;
    ptrace(request, pid, 0, 0);
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) {
        printf("%s: %s\n", what, told(status));
        return 0;
    }
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    printf("%s: stop %#x, call %lld, rax %lld\n", what, WSTOPSIG(status), (long long)regs.orig_rax,
           (long long)regs.rax == pid ? 4242 : (long long)regs.rax == getpid() ? 4343 : (long long)regs.rax);
    return 1;
}

static void info(int pid)
{
    struct call_info info;
    memset(&info, 0x55, sizeof info);
    long size = ptrace(0x420e, pid, sizeof info, &info);
    printf("info: size %ld op %d arch %x", size, info.op, info.arch);
    if (info.op == 1)
        printf(" nr %lld arg %lld", (long long)info.entry.nr, info.entry.nr == SYS_close ? (long long)info.entry.args[0] : 0LL);
    if (info.op == 2)
        printf(" error %d value %lld", info.exit.is_error, info.exit.rval == pid ? 4242LL : (long long)info.exit.rval);
    printf("\n");
}

int main(void)
{
    struct user_regs_struct regs;
    int pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        long a = syscall(SYS_getpid);
        long b = syscall(SYS_close, 77);
        long c = syscall(SYS_getpid); /* becomes getppid */
        long d = syscall(SYS_getuid); /* skipped: the result is the tracer's */
        long e = syscall(SYS_getpid); /* the result is changed to 1234 */
        long f = syscall(SYS_getpid); /* emulated: 99 */
        int wrong = (a != getpid()) | (b != -1) << 1 | (c != getppid()) << 2 | (d != 55) << 3 | (e != 1234) << 4 |
                    (f != 99) << 5;
        _exit(wrong);
    }
    wait_and_tell(pid, "begin");
    request("options", ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD));
    /* the way out of the call that raised the signal is no stop, since it was not traced on the way in */
    step(pid, PTRACE_SYSCALL, "before getpid");
    info(pid);
    step(pid, PTRACE_SYSCALL, "after getpid");
    info(pid);
    step(pid, PTRACE_SYSCALL, "before close");
    info(pid);
    step(pid, PTRACE_SYSCALL, "after close");
    info(pid);
    step(pid, PTRACE_SYSCALL, "before getpid");
    ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, orig_rax), SYS_getppid);
    step(pid, PTRACE_SYSCALL, "after getppid") ? (void)0 : exit(1);
    step(pid, PTRACE_SYSCALL, "before getuid");
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    regs.orig_rax = -1;
    regs.rax = 55;
    ptrace(PTRACE_SETREGS, pid, 0, &regs);
    step(pid, PTRACE_SYSCALL, "after no call");
    step(pid, PTRACE_SYSCALL, "before getpid");
    step(pid, PTRACE_SYSCALL, "after getpid");
    ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rax), 1234);
    step(pid, PTRACE_SYSEMU, "emulated getpid");
    ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rax), 99);
    ptrace(PTRACE_CONT, pid, 0, 0);
    wait_and_tell(pid, "end");
    return 0;
}
