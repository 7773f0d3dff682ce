// A handler ends nanosleep with EINTR and the rest of the time; STOP and CONT let it go on to its end.
#include "guest.h"
static void handler(int number) { (void)number; }
int main(void)
{
    on_signal(SIGALRM, handler, SA_RESTART);
    struct itimerval timer = { .it_value = { 0, 20000 } };
    setitimer(ITIMER_REAL, &timer, NULL);
    struct timespec t = { 100, 0 }, rest = { 0, 0 };
    TRY(nanosleep(&t, &rest));
    say("rest below 100 s: %d, above 98 s: %d", rest.tv_sec < 100, rest.tv_sec >= 98);
    setitimer(ITIMER_REAL, &timer, NULL);
    say("clock_nanosleep: %s", err(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &rest)));
    say("rest below 100 s: %d", rest.tv_sec < 100 && rest.tv_sec >= 98);
    pid_t pid = spawn();
    if (pid == 0) {
        struct timespec start, now, some = { 0, 50 * MS };
        clock_gettime(CLOCK_MONOTONIC, &start);
        int result = nanosleep(&some, NULL);
        clock_gettime(CLOCK_MONOTONIC, &now);
        long ms = (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000;
        say("stopped and continued: %s, whole time %d", outcome(result), ms >= 50);
        _exit(0);
    }
    until_state(pid, 'S');
    kill(pid, SIGSTOP);
    until_state(pid, 'T');
    kill(pid, SIGCONT);
    reap(pid, "child");
    return 0;
}
