/* in and out are not for user mode: SIGSEGV at the instruction, and nothing behind it has happened. */
#include "../guest.h"
#include <setjmp.h>
#include <ucontext.h>

static volatile long word, untouched;
static sigjmp_buf back;
static const char *expected;
extern const char at_in[], at_out[], before_call[];

static void handler(int number, siginfo_t *info, void *context)
{
    ucontext_t *user = context;
    const char *at = (const char *)user->uc_mcontext.gregs[REG_RIP];
    printf("signal %d, code %d, at the instruction: %d, word %ld\n", number, info->si_code, at == expected, word);
    siglongjmp(back, 1);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    expected = at_in;
    if (!sigsetjmp(back, 1))
        __asm__ volatile("nop\nat_in: inb $0x80, %%al\nmovq $1, %0\naddq $5, %0" : "+m"(word) : : "rax", "memory");
    expected = at_out;
    if (!sigsetjmp(back, 1)) /* the first touch of a page behind it */
        __asm__ volatile("nop\nat_out: outb %%al, $0x80\nmovq $2, %0" : "+m"(untouched) : : "rax", "memory");
    expected = before_call;
    if (!sigsetjmp(back, 1))
        __asm__ volatile("before_call: outb %%al, $0x80\nmov $60, %%eax\nmov $9, %%edi\nsyscall\nud2"
                         : : : "rax", "rdi", "rcx", "r11", "memory");
    printf("%ld %ld\n", word, untouched);
    return 0;
}
