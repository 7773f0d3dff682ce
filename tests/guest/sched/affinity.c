// A thread runs where its set of CPUs says, at once, and its children and threads too. Whatever CPUs there are.
#define _GNU_SOURCE
#include "guest.h"
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int stat_cpu(void)
{
    char text[1024], *at;
    FILE *file = fopen("/proc/thread-self/stat", "r");
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = 0;
    at = strrchr(text, ')');
    for (int field = 2; field < 39; field++)
        at = strchr(at + 1, ' ');
    return atoi(at + 1);
}

static int allowed_list(char *out)
{
    char line[256];
    FILE *file = fopen("/proc/thread-self/status", "r");
    int found = 0;
    while (fgets(line, sizeof line, file))
        found += sscanf(line, "Cpus_allowed_list: %s", out) == 1;
    fclose(file);
    return found;
}

static int here(void)
{
    unsigned cpu = 99;
    syscall(SYS_getcpu, &cpu, NULL, NULL);
    return cpu;
}

static int wrong_here(int cpu)
{
    cpu_set_t set;
    char text[64], expected[16];
    snprintf(expected, sizeof expected, "%d", cpu);
    sched_getaffinity(0, sizeof set, &set);
    return here() != cpu || stat_cpu() != cpu || !allowed_list(text) || strcmp(text, expected) ||
           CPU_COUNT(&set) != 1 || !CPU_ISSET(cpu, &set);
}

static void *in_thread(void *cpu)
{
    return (void *)(long)wrong_here((long)cpu);
}

static volatile int now_at, rounds, tid, over;

static void *roamer(void *unused)
{
    tid = syscall(SYS_gettid);
    while (!over) {
        now_at = here();
        rounds++;
    }
    return unused;
}

int main(void)
{
    cpu_set_t all, one;
    int wrong = 0, count = 0;
    sched_getaffinity(0, sizeof all, &all);
    printf("more than none: %d\n", CPU_COUNT(&all) > 0);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all))
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        wrong += sched_setaffinity(0, sizeof one, &one) != 0;
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
        count++;
    }
    printf("every CPU: %d, wrong: %d\n", count == CPU_COUNT(&all), wrong);

    sched_setaffinity(0, sizeof all, &all);
    pthread_t thread;
    pthread_create(&thread, NULL, roamer, NULL);
    while (!tid)
        sched_yield();
    for (int cpu = wrong = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all))
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        wrong += sched_setaffinity(tid, sizeof one, &one) != 0;
        for (int start = rounds; rounds < start + 2;) /* one may have begun before */
            sched_yield();
        wrong += now_at != cpu;
    }
    over = 1;
    pthread_join(thread, NULL);
    printf("another thread: wrong %d\n", wrong);

    CPU_ZERO(&one);
    printf("no CPU: %d %s\n", sched_setaffinity(0, sizeof one, &one), strerror(errno));
    CPU_SET(1000, &one);
    printf("none there: %d %s\n", sched_setaffinity(0, sizeof one, &one), strerror(errno));
    CPU_OR(&one, &one, &all);
    printf("some there: %d\n", sched_setaffinity(0, sizeof one, &one));
    sched_getaffinity(0, sizeof one, &one);
    printf("the rest is left out: %d\n", CPU_EQUAL(&one, &all));
    return 0;
}
