// rseq: registration, and a critical section that preemption and signals restart, so that no update is lost.
#include "guest.h"
#define SIGNATURE 0x53053053
struct rseq_area {
    uint32_t cpu_id_start, cpu_id;
    uint64_t section;
    uint32_t flags, node_id, mm_cid, padding;
} __attribute__((aligned(32)));
static __thread struct rseq_area area;
long counter;
static long register_area(void *where, unsigned length, int flags, unsigned signature)
{
    return syscall(SYS_rseq, where, length, flags, signature);
}
/* Adds one to `counter` with a load, a while and a store; 1 if it was cut short. */
__attribute__((noinline)) static int increment(struct rseq_area *rseq)
{
    __asm__ goto volatile(
        ".pushsection __rseq_cs, \"aw\"\n .balign 32\n 3: .long 0, 0\n .quad 1f, 2f - 1f, 4f\n .popsection\n"
        "leaq 3b(%%rip), %%rax\n movq %%rax, %[section]\n"
        "1: movq counter(%%rip), %%rcx\n movl $100, %%edx\n 5: decl %%edx\n jnz 5b\n incq %%rcx\n movq %%rcx, counter(%%rip)\n 2:\n"
        ".pushsection .text.unlikely, \"ax\"\n .byte 0x0f, 0xb9, 0x3d\n .long 0x53053053\n 4: jmp %l[cut]\n .popsection\n"
        : : [section] "m"(rseq->section) : "rax", "rcx", "rdx", "memory", "cc" : cut);
    return 0;
cut:
    return 1;
}
static void *worker(void *arg)
{
    (void)arg;
    if (register_area(&area, 32, 0, SIGNATURE))
        die("rseq");
    for (int i = 0; i < 30000; i++)
        while (increment(&area)) {
        }
    return NULL;
}
static void handler(int number) { (void)number; }
int main(void)
{
    unsigned long one_cpu = 1;
    syscall(SYS_sched_setaffinity, 0, sizeof one_cpu, &one_cpu);
    area.cpu_id = 77;
    TRY(register_area(&area, 31, 0, SIGNATURE));
    TRY(register_area((char *)&area + 8, 32, 0, SIGNATURE));
    TRY(register_area((void *)(1UL << 60), 32, 0, SIGNATURE));
    TRY(register_area(&area, 32, 2, SIGNATURE));
    TRY(register_area(&area, 32, 1, SIGNATURE));
    TRY(register_area(&area, 32, 0, SIGNATURE));
    say("cpu %u", area.cpu_id);
    TRY(register_area(&area, 32, 0, SIGNATURE));
    TRY(register_area(&area, 32, 0, 1));
    TRY(register_area(&area + 1, 32, 0, SIGNATURE));
    TRY(register_area(&area, 32, 1, 1));
    TRY(register_area(&area, 32, 3, SIGNATURE));
    on_signal(SIGALRM, handler, SA_RESTART);
    struct itimerval often = { { 0, 200 }, { 0, 200 } }, never = { { 0, 0 }, { 0, 0 } };
    setitimer(ITIMER_REAL, &often, NULL);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, worker, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    setitimer(ITIMER_REAL, &never, NULL);
    say("counted %ld", counter);
    if (spawn() == 0) {
        TRYAS("child has it too", register_area(&area, 32, 0, SIGNATURE));
        area.section = 8;
        raise(SIGALRM);
        say("not reached");
    }
    reap(-1, "broken section");
    TRY(register_area(&area, 32, 1, SIGNATURE));
    say("cpu %d", (int)area.cpu_id);
    return 0;
}
