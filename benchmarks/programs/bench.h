/* A benchmark measures itself: it repeats its operation until that takes long enough, then prints nanoseconds for
 * one. argv[1] is the least time in milliseconds; what is before the first repetition is not counted. */
#ifndef BENCH_H
#define BENCH_H
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

__attribute__((noreturn)) static inline void die(const char *what)
{
    perror(what);
    exit(1);
}

static inline double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

/* Double the count until `repeat(count)` takes argv[1] milliseconds; print nanoseconds for one. */
static inline int measure(int argc, char **argv, long start, void (*repeat)(long))
{
    double least = (argc > 1 ? atof(argv[1]) : 500) * 1e6;
    repeat(start < 10 ? 1 : start / 10);
    for (long count = start;; count *= 2) {
        double before = now();
        repeat(count);
        double took = now() - before;
        if (took >= least) {
            printf("%.3f\n", took / count);
            return 0;
        }
        if (took * 4 < least)
            count *= 2;
    }
}

static inline void end_of(pid_t pid)
{
    int status;
    if (pid == -1)
        die("fork");
    if (waitpid(pid, &status, 0) != pid || status != 0)
        die("waitpid");
}
#endif
