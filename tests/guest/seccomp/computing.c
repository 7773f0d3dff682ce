// Filters that compute: every instruction, with the result shown as the errno of a forbidden call.
#include "guest.h"
#include "seccomp.h"
static void result(const char *name, const struct sock_filter *code, int count)
{
    struct sock_filter whole[64] = { NR, IS(SYS_getppid, 1, 0), ALLOW };
    memcpy(whole + 3, code, count * sizeof *code);
    struct sock_filter tail[] = { BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfff), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO),
                                  BPF_STMT(BPF_RET | BPF_A, 0) };
    memcpy(whole + 3 + count, tail, sizeof tail);
    int pid = fork();
    if (!pid) {
        if (install(0, whole, 3 + count + 3)) {
            say("%s: %s", name, err(errno));
        } else {
            errno = 0;
            syscall(SYS_getppid, 0x1122334455667788, 2, 3, 4, 5, 6);
            say("%s: %d", name, errno);
        }
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status))
        say("%s: signal %s", name, sig(WTERMSIG(status)));
}
#define S(a, b) BPF_STMT(a, b)
#define RESULT(name, ...) do { struct sock_filter code_[] = { __VA_ARGS__ }; result(name, code_, NELEM(code_)); } while (0)
#define LDI(k) S(BPF_LD | BPF_IMM, k)
#define LDXI(k) S(BPF_LDX | BPF_IMM, k)
int main(void)
{
    static const struct { const char *name; int code; } alu[] = {
        { "add", BPF_ADD }, { "sub", BPF_SUB }, { "mul", BPF_MUL }, { "div", BPF_DIV }, { "or", BPF_OR },
        { "and", BPF_AND }, { "lsh", BPF_LSH }, { "rsh", BPF_RSH }, { "xor", BPF_XOR },
    };
    static const unsigned values[] = { 0, 1, 5, 31, 0x80000001, 0xffffffff };
    char name[100];
    for (int i = 0; i < NELEM(alu); i++)
        for (int a = 0; a < NELEM(values); a++)
            for (int b = 0; b < NELEM(values); b++) {
                sprintf(name, "%s %x %x", alu[i].name, values[a], values[b]);
                if (alu[i].code != BPF_LSH && alu[i].code != BPF_RSH)
                    RESULT(name, LDI(values[a]), S(BPF_ALU | alu[i].code | BPF_K, values[b]), S(BPF_ALU | BPF_RSH | BPF_K, 20));
                RESULT(name, LDI(values[a]), LDXI(values[b]), S(BPF_ALU | alu[i].code | BPF_X, 0));
            }
    static const struct { const char *name; int code; } jumps[] = {
        { "jeq", BPF_JEQ }, { "jgt", BPF_JGT }, { "jge", BPF_JGE }, { "jset", BPF_JSET },
    };
    for (int i = 0; i < NELEM(jumps); i++)
        for (int a = 0; a < NELEM(values); a += 2)
            for (int b = 0; b < NELEM(values); b += 2) {
                sprintf(name, "%s %x %x", jumps[i].name, values[a], values[b]);
                RESULT(name, LDI(values[a]), BPF_JUMP(BPF_JMP | jumps[i].code | BPF_K, values[b], 1, 0), S(BPF_JMP | BPF_JA, 2),
                       LDI(11), S(BPF_JMP | BPF_JA, 1), LDI(12));
                RESULT(name, LDXI(values[b]), LDI(values[a]), BPF_JUMP(BPF_JMP | jumps[i].code | BPF_X, 0, 1, 0),
                       S(BPF_JMP | BPF_JA, 2), LDI(11), S(BPF_JMP | BPF_JA, 1), LDI(12));
            }
    RESULT("neg", LDI(5), S(BPF_ALU | BPF_NEG, 0));
    RESULT("tax txa", LDI(5), S(BPF_MISC | BPF_TAX, 0), LDI(6), S(BPF_MISC | BPF_TXA, 0));
    RESULT("len", S(BPF_LD | BPF_W | BPF_LEN, 0));
    RESULT("len in X", S(BPF_LDX | BPF_W | BPF_LEN, 0), S(BPF_MISC | BPF_TXA, 0));
    RESULT("memory", LDI(9), S(BPF_ST, 3), LDXI(8), S(BPF_STX, 15), LDI(1), S(BPF_LDX | BPF_MEM, 3), S(BPF_LD | BPF_MEM, 15),
           S(BPF_ALU | BPF_MUL | BPF_X, 0));
    for (int word = 0; word < 16; word++) {
        if (word == 2 || word == 3)
            continue; // the address of the call
        sprintf(name, "word %d", word);
        RESULT(name, S(BPF_LD | BPF_W | BPF_ABS, 4 * word));
    }
    return 0;
}
