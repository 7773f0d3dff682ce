// The C library's struct rseq tells the CPU that the thread runs on, in every thread and child.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int wrong_here(int cpu)
{
    unsigned real = 999;
    struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
    if (__rseq_size == 0)
        return 0;
    syscall(SYS_getcpu, &real, NULL, NULL);
    return (int)real != cpu || (int)area->cpu_id != cpu || (int)area->cpu_id_start != cpu || sched_getcpu() != cpu;
}

static void *in_thread(void *cpu)
{
    return (void *)(long)wrong_here((long)cpu);
}

int main(void)
{
    cpu_set_t all, one;
    int wrong = 0;
    sched_getaffinity(0, sizeof all, &all);
    for (int round = 0; round < 3; round++)
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            if (!CPU_ISSET(cpu, &all))
                continue;
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            sched_setaffinity(0, sizeof one, &one);
            wrong += wrong_here(cpu);
            pthread_t thread;
            void *result;
            pthread_create(&thread, NULL, in_thread, (void *)(long)cpu);
            pthread_join(thread, &result);
            wrong += result != NULL;
            int status;
            if (fork() == 0)
                _exit(wrong_here(cpu));
            wait(&status);
            wrong += status != 0;
        }
    printf("wrong: %d\n", wrong);
    return 0;
}
