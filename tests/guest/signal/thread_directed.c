// A signal to a thread is taken by it; one to the process by any thread that does not block it.
#include "guest.h"
static volatile pid_t taken_by;
static volatile pid_t tid;
static volatile int stop;
static void handler(int number) { (void)number; taken_by = gettid(); }
static void *worker(void *unused)
{
    (void)unused;
    sigset_t set = SIGSET(SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    tid = gettid();
    while (!stop)
        pause_ms(1);
    return NULL;
}
int main(void)
{
    on_signal(SIGUSR1, handler, SA_RESTART);
    on_signal(SIGUSR2, handler, SA_RESTART);
    block(SIGSET(SIGUSR1));
    pthread_t t;
    pthread_create(&t, NULL, worker, NULL);
    while (!tid)
        pause_ms(1);
    kill(getpid(), SIGUSR1);
    while (!taken_by)
        pause_ms(1);
    say("process signal taken by the one that does not block it: %d", taken_by == tid);
    taken_by = 0;
    syscall(SYS_tgkill, getpid(), tid, SIGUSR2);
    while (!taken_by)
        pause_ms(1);
    say("thread signal taken by the thread: %d", taken_by == tid);
    taken_by = 0;
    kill(getpid(), SIGUSR2);
    while (!taken_by)
        pause_ms(1);
    say("process signal open to all is taken by the leader: %d", taken_by == getpid());
    sigset_t pending;
    syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
    sigpending(&pending);
    say("pending for this thread: %d", sigismember(&pending, SIGUSR1));
    stop = 1;
    pthread_join(t, NULL);
    return 0;
}
