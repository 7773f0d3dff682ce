// SECCOMP_RET_TRACE with a tracer: the event, changing and skipping the call, reading filters back.
#include "guest.h"
#include "seccomp.h"
#include <sys/ptrace.h>
#include <sys/user.h>
int main(void)
{
    int pid = fork();
    if (!pid) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        FORBID(2, SYS_getppid, SECCOMP_RET_TRACE | 0xabc);
        for (int i = 0; i < 5; i++) {
            errno = 0;
            long got = syscall(SYS_getppid);
            say("getppid %d: %s", i, got == -1 ? err(errno) : got == getpid() ? "my own" : got > 0 ? "a number" : "0");
        }
        _exit(0);
    }
    int status, events = 0;
    waitpid(pid, &status, 0);
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD);
    ptrace(PTRACE_CONT, pid, 0, 0);
    while (waitpid(pid, &status, 0) > 0 && WIFSTOPPED(status)) {
        if (status >> 8 != (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) {
            say("stop %x", status >> 8);
            ptrace(PTRACE_CONT, pid, 0, 0);
            continue;
        }
        unsigned long message;
        struct user_regs_struct regs;
        ptrace(PTRACE_GETEVENTMSG, pid, 0, &message);
        ptrace(PTRACE_GETREGS, pid, 0, &regs);
        say("event %d: message %lx call %lld rax %lld", events, message, regs.orig_rax, regs.rax);
        if (events == 1) { // another call
            regs.orig_rax = SYS_getpid;
            ptrace(PTRACE_SETREGS, pid, 0, &regs);
        } else if (events == 2) { // none
            regs.orig_rax = -1;
            regs.rax = -EPERM;
            ptrace(PTRACE_SETREGS, pid, 0, &regs);
        } else if (events == 3) {
            struct sock_filter code[10];
            struct { uint64_t number, flags; } metadata = { 0, 0 };
            say("length %d", (int)ptrace(0x420c, pid, 0, 0));
            say("read %d", (int)ptrace(0x420c, pid, 0, code));
            say("third: %x %x", code[2].code, code[2].k);
            say("metadata %d", (int)ptrace(0x420d, pid, sizeof metadata, &metadata));
            say("flags %d", (int)metadata.flags);
            TRY(ptrace(0x420c, pid, 1, code));
            metadata.number = 1;
            TRY(ptrace(0x420d, pid, sizeof metadata, &metadata));
            TRY(ptrace(0x420d, pid, 8, &metadata));
            ptrace(PTRACE_SETOPTIONS, pid, 0, 0); // not told any more
        }
        events++;
        ptrace(PTRACE_CONT, pid, 0, 0);
    }
    say("exit %d after %d events", WEXITSTATUS(status), events);
    return 0;
}
