/* Threads that take and leave locks on command, one step at a time, for the tests of FUTEX_LOCK_PI and its kin. */
#ifndef FUTEX_PI_H
#define FUTEX_PI_H
#include "futex.h"
#include <sys/ioctl.h>
#define gettid() ((int)syscall(SYS_gettid))

struct worker {
    pthread_t thread;
    int tid, number;
    int command[2];
    volatile int phase; /* 0: waits for a command, 1: in the call, 2: done */
    long result;
    int error;
    int (*run)(struct worker *, int);
};

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    int command;
    w->tid = gettid();
    while (read(w->command[0], &command, sizeof command) == sizeof command && command >= 0) {
        w->phase = 1;
        errno = 0;
        w->result = w->run(w, command);
        w->error = w->result == -1 ? errno : 0;
        w->phase = 2;
    }
    w->phase = 3;
    return NULL;
}

static void start_worker(struct worker *w, int number, int (*run)(struct worker *, int))
{
    w->number = number, w->run = run, w->phase = 0, w->tid = 0;
    if (pipe(w->command) == -1 || pthread_create(&w->thread, NULL, worker_main, w))
        die("worker");
    while (!*(volatile int *)&w->tid)
        sched_yield();
}

static char thread_state(int tid)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    int fd = open(path, O_RDONLY);
    if (fd == -1)
        return '?';
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    char *end = strrchr(text, ')');
    return end ? end[2] : '?';
}

/* Field of /proc/self/task/TID/stat by its number in proc(5): 18 is the priority. */
static long stat_field(int tid, int field)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd == -1 ? -1 : read(fd, text, sizeof text - 1);
    if (n <= 0)
        die("stat");
    close(fd);
    text[n] = 0;
    char *at = strrchr(text, ')') + 2;
    for (int i = 3; i < field; i++)
        at = strchr(at, ' ') + 1;
    return strtol(at, NULL, 10);
}

/* Until the worker has come back from its call, or sleeps in it; whether it is back. */
static int settle(struct worker *w)
{
    for (;;) {
        if (w->phase == 2)
            return 1;
        if (w->phase == 1 && thread_state(w->tid) == 'S' && w->phase == 1)
            return 0;
        sched_yield();
    }
}

static int order(struct worker *w, int command)
{
    w->phase = 1;
    if (write(w->command[1], &command, sizeof command) != sizeof command)
        die("order");
    while (w->phase == 1 && thread_state(w->tid) == 'S') { /* it may not have read the command yet */
        int left = 0;
        if (ioctl(w->command[0], 0x541B, &left) == -1 || !left)
            break;
    }
    return settle(w);
}
#endif
