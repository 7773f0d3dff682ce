/* What instructions a program may not execute, or may only in one way, do to it: the signal, its code and address. */
#include "guest.h"
#include <setjmp.h>
#include <ucontext.h>

static sigjmp_buf back;
static unsigned char *code;

static void caught(int number, siginfo_t *info, void *context)
{
    unsigned long rip = ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    unsigned long error = ((ucontext_t *)context)->uc_mcontext.gregs[REG_ERR];
    unsigned long at = (unsigned long)info->si_addr, start = (unsigned long)code;
    say("  %s code %d, %s, rip +%ld, error %#lx", sig(number), info->si_code,
        at >= start && at < start + 64 ? "address in the code" : at ? "another address" : "no address",
        (long)(rip - start), error);
    siglongjmp(back, 1);
}

static void execute(const char *name, const char *bytes, int length)
{
    say("%s", name);
    memset(code, 0xcc, 64);
    memcpy(code, bytes, length);
    code[length] = 0xc3;
    if (sigsetjmp(back, 1) == 0) {
        long result;
        __asm__ volatile("sub $256, %%rsp; xor %%eax, %%eax; call *%1; add $256, %%rsp"
                         : "=&a"(result)
                         : "r"(code)
                         : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
        say("  goes on, rax %#lx", result);
    }
}
#define DO(name, bytes) execute(name, bytes, sizeof(bytes) - 1)

int main(void)
{
    int signals[] = { SIGSEGV, SIGILL, SIGBUS, SIGFPE, SIGTRAP };
    for (int i = 0; i < NELEM(signals); i++)
        on_siginfo(signals[i], caught, 0);
    code = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    DO("null into ds", "\x8e\xd8");
    DO("user data into ds", "\x66\xb8\x2b\x00\x8e\xd8\x31\xc0\x8e\xd8");
    DO("user code into ds", "\x66\xb8\x33\x00\x8e\xd8\x31\xc0\x8e\xd8");
    DO("kernel code into ds", "\x66\xb8\x10\x00\x8e\xd8");
    DO("kernel data into ds", "\x66\xb8\x18\x00\x8e\xd8");
    DO("a selector beyond the table into ds", "\x66\xb8\x34\x12\x8e\xd8");
    DO("a selector of no LDT into es", "\x66\xb8\x07\x00\x8e\xc0");
    DO("user data into ss", "\x66\xb8\x2b\x00\x8e\xd0");
    DO("null into ss", "\x8e\xd0");
    DO("user data with RPL 0 into ss", "\x66\xb8\x28\x00\x8e\xd0");
    DO("anything into cs", "\x66\xb8\x33\x00\x8e\xc8");
    DO("user data and null into gs", "\x66\xb8\x2b\x00\x8e\xe8\x31\xc0\x8e\xe8");
    DO("cs", "\x8c\xc8");
    DO("ss", "\x8c\xd0");
    DO("lldt", "\x0f\x00\xd0");
    DO("ltr", "\x0f\x00\xd8");
    DO("lgdt", "\x0f\x01\x14\x24");
    DO("lidt", "\x0f\x01\x1c\x24");
    DO("clts", "\x0f\x06");
    DO("hlt", "\xf4");
    DO("cli", "\xfa");
    DO("in", "\xe4\x60");
    DO("out", "\xe6\x60");
    DO("rdmsr", "\x0f\x32");
    DO("wrmsr", "\x0f\x30");
    DO("read cr0", "\x0f\x20\xc0");
    DO("write cr3", "\x0f\x22\xd8");
    DO("int3", "\xcc");
    DO("int 3", "\xcd\x03");
    DO("int 4", "\xcd\x04");
    DO("int 0", "\xcd\x00");
    DO("int 1", "\xcd\x01");
    DO("int 2", "\xcd\x02");
    DO("int 8", "\xcd\x08");
    DO("int 13", "\xcd\x0d");
    DO("int 14", "\xcd\x0e");
    DO("int 0x81", "\xcd\x81");
    DO("ud2", "\x0f\x0b");
    DO("into", "\xce");
    DO("pusha", "\x60");
    DO("division by zero", "\x31\xc9\xf7\xf1");
    DO("quotient too large", "\xb8\x00\x00\x00\x80\x99\xb9\xff\xff\xff\xff\xf7\xf9");
    DO("load from no canonical address", "\x48\xb8\x00\x00\x00\x00\x00\x00\x11\x11\x48\x8b\x00");
    DO("load from the kernel", "\x48\xb8\x00\x00\x00\x00\x00\x80\xff\xff\x48\x8b\x00");
    DO("store to the kernel", "\x48\xb8\x00\x00\x00\x00\x00\x80\xff\xff\x48\x89\x00");
    DO("load from the kernel's descriptor table", "\x48\xb8\x00\x10\x00\x00\x00\xfe\xff\xff\x48\x8b\x00");
    DO("a prefixed rdtsc", "\x66\x0f\x31\x31\xc0");
    DO("rdtsc with REX", "\x48\x0f\x31\x31\xc0");
    DO("x87 division by zero", "\x48\x83\xec\x08\xc7\x04\x24\x7b\x03\x00\x00\xd9\x2c\x24\xd9\xe8\xd9\xee\xde\xf9\x9b"
                               "\x48\x83\xc4\x08");
    return 0;
}
