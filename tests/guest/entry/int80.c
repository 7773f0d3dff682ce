// needs: no-ia32-emulation
// `int $0x80` on a kernel without 32-bit programs: no gate, so the CPU raises #GP, with the vector in its error code.
#include "../guest.h"
#include <ucontext.h>

static volatile sig_atomic_t caught;

static void handler(int sig, siginfo_t *info, void *context) {
    ucontext_t *uc = context;
    caught++;
    printf("signal %d, code %#x, address %#lx, trap %lld, error %#llx\n", sig, info->si_code, (unsigned long)info->si_addr,
           (long long)uc->uc_mcontext.gregs[REG_TRAPNO], (long long)uc->uc_mcontext.gregs[REG_ERR]);
    uc->uc_mcontext.gregs[REG_RIP] += 2;
}

int main(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    long result = 20;  // getpid of the i386
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory");
    printf("caught %d, rax is still %ld\n", (int)caught, result);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL);
        result = 2;  // fork of the i386
        __asm__ volatile("int $0x80" : "+a"(result) : : "memory");
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    printf("killed by SIGSEGV: %d\n", WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    return 0;
}
