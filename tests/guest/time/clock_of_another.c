// Timers and sleeps on the CPU time of another process, which then dies.
#include "guest.h"
static volatile sig_atomic_t count;
static void handler(int number) { (void)number; count++; }
static int set(int id, long value)
{
    struct itimerspec spec = { { 0, 0 }, { 0, value } };
    return syscall(SYS_timer_settime, id, 0, &spec, NULL);
}
int main(void)
{
    int id, later;
    struct itimerspec left;
    struct timespec t;
    clockid_t clock;
    struct gate gate = new_gate(), ready = new_gate();
    on_signal(SIGUSR1, handler, SA_RESTART);
    pid_t pid = spawn();
    if (pid == 0) {
        pass_gate(gate);
        burn_ms(60);
        open_gate(ready);
        pass_gate(gate);
        _exit(0);
    }
    MUST(clock_getcpuclockid(pid, &clock));
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
    TRY(syscall(SYS_timer_create, clock, &event, &id));
    TRY(syscall(SYS_timer_create, clock, &event, &later));
    MUST(set(id, 20 * MS));
    pause_ms(30);
    say("it sleeps: %d", (int)count);
    open_gate(gate);
    t = (struct timespec){ 0, 30 * MS };
    say("sleep on its time: %s", err(clock_nanosleep(clock, 0, &t, NULL)));
    pass_gate(ready);
    say("it worked: %d", (int)count);
    MUST(clock_gettime(clock, &t));
    say("its time %d", t.tv_sec > 0 || t.tv_nsec >= 60 * MS);
    MUST(set(id, 900 * MS));
    open_gate(gate);
    while (state_of(pid) != 'Z')
        pause_ms(1);
    TRY(syscall(SYS_timer_gettime, id, &left));
    TRY(clock_gettime(clock, &t));
    reap(pid, "child");
    TRY(set(id, 10 * MS));
    TRY(syscall(SYS_timer_gettime, id, &left));
    say("left %ld", (long)left.it_value.tv_nsec);
    TRY(set(later, 10 * MS));
    TRY(syscall(SYS_timer_delete, id));
    TRY(syscall(SYS_timer_delete, later));
    TRY(syscall(SYS_clock_gettime, clock, &t));
    TRY(syscall(SYS_timer_create, clock, &event, &id));
    return 0;
}
