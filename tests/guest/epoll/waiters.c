// How many threads in epoll_wait one event wakes: level, edge, one-shot, several sets, exclusive sets.
#include "guest.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#define THREADS 4
static int sets[THREADS], ev;
static volatile int tid[THREADS], back[THREADS], stop;
static void *waiter(void *arg)
{
    int n = (int)(intptr_t)arg;
    struct epoll_event e;
    tid[n] = syscall(SYS_gettid);
    int got = epoll_wait(sets[n], &e, 1, -1);
    back[n] = got == 1 ? 1 : 9;
    return NULL;
}
static char state(int n)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid[n]);
    int fd = open(path, O_RDONLY);
    ssize_t got = fd == -1 ? 0 : read(fd, text, sizeof text - 1);
    close(fd);
    text[got > 0 ? got : 0] = 0;
    char *end = strrchr(text, ')');
    return end ? end[2] : '?';
}
static void round_of(const char *what, uint32_t events, int one_set, int wakes)
{
    pthread_t t[THREADS];
    ev = MUST(eventfd(0, EFD_NONBLOCK));
    for (int i = 0; i < THREADS; i++) {
        struct epoll_event e = { events, { 0 } };
        tid[i] = back[i] = 0;
        sets[i] = one_set && i ? sets[0] : MUST(epoll_create1(0));
        if (!one_set || !i)
            MUST(epoll_ctl(sets[i], EPOLL_CTL_ADD, ev, &e));
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&t[i], NULL, waiter, (void *)(intptr_t)i);
        while (!tid[i] || state(i) != 'S')
            sched_yield();
    }
    char line[200], *at = line + sprintf(line, "%s:", what);
    for (int i = 0; i < wakes; i++) {
        write(ev, (uint64_t[1]){ 1 }, 8);
        pause_ms(100);
        int n = 0;
        for (int k = 0; k < THREADS; k++)
            n += back[k];
        at += sprintf(at, " %d", n);
    }
    for (int k = 0; k < THREADS; k++)
        at += sprintf(at, "%s%d", k ? "" : " by thread ", back[k]);
    say("%s", line);
    for (int i = 0; i < THREADS; i++) /* let the others go */
        for (int k = 0; k < 5 && !back[i]; k++) {
            struct epoll_event e = { EPOLLIN, { 0 } };
            int other = eventfd(1, 0);
            epoll_ctl(sets[i], EPOLL_CTL_ADD, other, &e);
            pause_ms(5);
        }
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
}
int main(void)
{
    round_of("one set, level", EPOLLIN, 1, 2);
    round_of("one set, edge", EPOLLIN | EPOLLET, 1, 3);
    round_of("one set, one shot", EPOLLIN | EPOLLONESHOT, 1, 3);
    round_of("four sets", EPOLLIN, 0, 1);
    round_of("four sets, edge", EPOLLIN | EPOLLET, 0, 1);
    round_of("four sets, exclusive", EPOLLIN | EPOLLEXCLUSIVE, 0, 3);
    round_of("four sets, exclusive, edge", EPOLLIN | EPOLLEXCLUSIVE | EPOLLET, 0, 3);
    return 0;
}
