/* Writing seccomp filters (seccomp(2)). */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#ifndef SECCOMP_RET_KILL_PROCESS
#define SECCOMP_RET_KILL_PROCESS 0x80000000U
#endif
#define NR BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0)
#define ARG(n) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16 + 8 * (n))
#define RET(v) BPF_STMT(BPF_RET | BPF_K, v)
#define IS(v, then, otherwise) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, v, then, otherwise)
#define ALLOW RET(SECCOMP_RET_ALLOW)

static long install(unsigned flags, const struct sock_filter *code, int count)
{
    struct sock_fprog program = { count, (struct sock_filter *)code };
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}
#define INSTALL(flags, ...) ({ struct sock_filter code_[] = { __VA_ARGS__ }; install(flags, code_, NELEM(code_)); })
/* A filter that answers one call with `action` and allows the rest. */
#define FORBID(flags, number, action) INSTALL(flags, NR, IS(number, 0, 1), RET(action), ALLOW)
