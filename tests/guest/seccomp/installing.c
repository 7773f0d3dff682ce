// Installing filters: what is refused and how, and TSYNC to all threads.
#include "guest.h"
#include "seccomp.h"
static volatile int stage;
static pthread_barrier_t barrier;
static void *follower(void *own)
{
    if (own)
        FORBID(0, SYS_getpgrp, SECCOMP_RET_ALLOW);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    long got = syscall(SYS_getppid);
    return (void *)(long)(got == -1 ? errno : 0);
}
static void tsync(const char *name, void *own, unsigned flags)
{
    pthread_t id;
    void *result;
    pthread_barrier_init(&barrier, 0, 2);
    int pid = fork();
    if (!pid) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        pthread_create(&id, 0, follower, own);
        pthread_barrier_wait(&barrier);
        long got = FORBID(flags, SYS_getppid, SECCOMP_RET_ERRNO | ECHILD);
        say("%s: %s", name, got == -1 ? err(errno) : got == 0 ? "0" : "a thread");
        pthread_barrier_wait(&barrier);
        pthread_join(id, &result);
        say("the other one: %s", result ? err((long)result) : "not filtered");
        _exit(0);
    }
    waitpid(pid, 0, 0);
}
static struct sock_filter big[BPF_MAXINSNS + 1];
int main(void)
{
    unsigned actions[] = { SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO,
                           0x7fc00000, SECCOMP_RET_TRACE, SECCOMP_RET_LOG, SECCOMP_RET_ALLOW, 0x12340000 };
    for (int i = 0; i < NELEM(actions); i++)
        say("action %x: %s", actions[i], outcome(syscall(SYS_seccomp, 2, 0, actions + i)));
    TRY(syscall(SYS_seccomp, 2, 1, actions));
    TRY(syscall(SYS_seccomp, 2, 0, 0));
    unsigned short sizes[3];
    TRY(syscall(SYS_seccomp, 3, 0, sizes));
    say("sizes %d %d %d", sizes[0], sizes[1], sizes[2]);
    TRY(syscall(SYS_seccomp, 4, 0, 0));
    TRY(syscall(SYS_seccomp, 0, 1, 0));
    TRY(syscall(SYS_seccomp, 0, 0, sizes));
    TRY(syscall(SYS_seccomp, 1, 64, 0));
    TRY(syscall(SYS_seccomp, 1, 0, 0));
    TRY(syscall(SYS_seccomp, 1, 32, sizes));
    TRY(syscall(SYS_seccomp, 1, 9, sizes));
    TRY(prctl(PR_SET_SECCOMP, 0));
    TRY(prctl(PR_SET_SECCOMP, 3));
    say("mode %d", prctl(PR_GET_SECCOMP));
    int pid = fork();
    if (!pid) {
        setuid(12345);
        TRYAS("without privilege", INSTALL(0, ALLOW));
        TRYAS("without privilege, nothing in it", install(0, 0, 0));
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        TRYAS("with no_new_privs", INSTALL(0, ALLOW));
        say("mode %d", prctl(PR_GET_SECCOMP));
        TRY(syscall(SYS_seccomp, 0, 0, 0));
        TRY(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
        _exit(0);
    }
    waitpid(pid, 0, 0);
    TRYAS("no filter", install(0, 0, 1));
    TRYAS("length 0", install(0, big, 0));
    TRYAS("no return", INSTALL(0, NR));
    TRYAS("load beyond the data", INSTALL(0, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), ALLOW));
    TRYAS("load of the last word", fork() ? wait(0) > 0 ? 0 : -1 : (_exit(INSTALL(0, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 60), ALLOW)), 0));
    TRYAS("unaligned load", INSTALL(0, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), ALLOW));
    TRYAS("byte load", INSTALL(0, BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), ALLOW));
    TRYAS("indirect load", INSTALL(0, BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), ALLOW));
    TRYAS("jump beyond the end", INSTALL(0, NR, IS(1, 1, 0), ALLOW));
    TRYAS("jump always beyond", INSTALL(0, BPF_STMT(BPF_JMP | BPF_JA, 1), ALLOW));
    TRYAS("division by 0", INSTALL(0, BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), ALLOW));
    TRYAS("modulo", INSTALL(0, BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), ALLOW));
    TRYAS("shift by 32", INSTALL(0, BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), ALLOW));
    TRYAS("memory 16", INSTALL(0, BPF_STMT(BPF_ST, 16), ALLOW));
    TRYAS("unwritten memory", INSTALL(0, BPF_STMT(BPF_LD | BPF_MEM, 1), ALLOW));
    TRYAS("memory written on one path", INSTALL(0, NR, IS(1, 0, 1), BPF_STMT(BPF_ST, 2), BPF_STMT(BPF_LD | BPF_MEM, 2), ALLOW));
    TRYAS("return X", INSTALL(0, BPF_STMT(BPF_RET | BPF_X, 0)));
    for (int i = 0; i <= BPF_MAXINSNS; i++)
        big[i] = (struct sock_filter)RET(SECCOMP_RET_ALLOW);
    TRYAS("4097", install(0, big, BPF_MAXINSNS + 1));
    pid = fork();
    if (!pid) {
        int count = 0;
        while (install(0, big, BPF_MAXINSNS) == 0)
            count++;
        say("%d of 4096: %s", count, err(errno));
        _exit(0);
    }
    waitpid(pid, 0, 0);
    tsync("tsync", 0, 1);
    tsync("tsync with another's filter", "own", 1);
    tsync("tsync with another's filter, as an error", "own", 17);
    tsync("without tsync", 0, 0);
    return 0;
}
