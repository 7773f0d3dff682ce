// SIGEV_THREAD_ID: the signal goes to that thread; timers on CPU time fire when it is used.
#include "guest.h"
static volatile sig_atomic_t count;
static volatile pid_t taker;
static void handler(int number)
{
    (void)number;
    count++, taker = syscall(SYS_gettid);
}
struct event { union { int number; void *pointer; } value; int signo, notify; pid_t tid; char rest[44]; };
static int create(int clock, int notify, int number, pid_t tid, int *id)
{
    struct event event = { .notify = notify, .signo = number, .tid = tid };
    return syscall(SYS_timer_create, clock, &event, id);
}
static int set(int id, int flags, long value, long interval)
{
    struct itimerspec spec = { { 0, interval }, { 0, value } };
    return syscall(SYS_timer_settime, id, flags, &spec, NULL);
}
static volatile pid_t tid;
static void *sleeper(void *gate)
{
    tid = syscall(SYS_gettid);
    pass_gate(*(struct gate *)gate);
    return NULL;
}
int main(void)
{
    int id, thread_id;
    pthread_t thread;
    struct gate gate = new_gate();
    on_signal(SIGUSR1, handler, SA_RESTART);
    pthread_create(&thread, NULL, sleeper, &gate);
    while (!tid)
        pause_ms(1);
    TRY(create(CLOCK_MONOTONIC, 4, SIGUSR1, tid, &id));
    TRY(create(CLOCK_MONOTONIC, 4, SIGUSR1, 1, &thread_id));
    TRY(create(CLOCK_MONOTONIC, 4, SIGUSR1, 99999999, &thread_id));
    TRY(create(CLOCK_MONOTONIC, 2, SIGUSR1, 0, &thread_id));
    MUST(set(id, 0, MS, 0));
    while (!count)
        pause_ms(1);
    say("taken by the thread %d", taker == tid);
    open_gate(gate);
    pthread_join(thread, NULL);
    count = 0;
    MUST(set(id, 0, MS, 0));
    pause_ms(30);
    say("thread gone: %d", (int)count);

    TRY(create(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR1, 0, &id));
    TRY(create(CLOCK_THREAD_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR1, 0, &thread_id));
    MUST(set(id, 0, 20 * MS, 0));
    pause_ms(60);
    say("asleep: %d", (int)count);
    burn_ms(40);
    say("busy: %d", (int)count);
    MUST(set(thread_id, 0, 20 * MS, 0));
    burn_ms(40);
    say("thread busy: %d", (int)count);

    MUST(create(CLOCK_REALTIME, SIGEV_SIGNAL, SIGUSR1, 0, &id));
    count = 0;
    MUST(set(id, TIMER_ABSTIME, 1, 0));
    pause_ms(10);
    say("a time long past: %d", (int)count);
    const int clocks[] = { 4, 5, 6, 8, 10, 12, -1, -7 };
    for (int i = 0; i < NELEM(clocks); i++)
        if (clocks[i] != 8)
            say("clock %d: %s", clocks[i], outcome(create(clocks[i], SIGEV_SIGNAL, SIGUSR1, 0, &id)));
    return 0;
}
