// POSIX message queues: waiting senders and receivers, their order, signals, notification.
// needs: linux-6.9
#include "../sysv.h"
#include <mqueue.h>
static char name[32];
static mqd_t q;
static volatile int got, code, value, from_me;
static void on_message(int number, siginfo_t *info, void *context)
{
    (void)context;
    got = number, code = info->si_code, value = info->si_value.sival_int;
    from_me = info->si_pid == getpid() && info->si_uid == getuid();
}
static void nothing(int number) { (void)number; }
static pid_t receiver(int nice_value, int flags)
{
    pid_t pid = spawn();
    if (pid == 0) {
        on_signal(SIGUSR1, nothing, flags);
        nice(nice_value);
        char text[16] = "";
        unsigned prio = 0;
        ssize_t n = mq_receive(q, text, sizeof text, &prio);
        if (n == -1)
            say("receiver: %s", erri(errno));
        else
            say("receiver %d: %s %u", nice_value, text, prio);
        _exit(0);
    }
    until_state(pid, 'S');
    return pid;
}
static void notify(int how, int number, int data)
{
    struct sigevent event = { .sigev_notify = how, .sigev_signo = number, .sigev_value.sival_int = data };
    say("notify %d %d: %s", how, number, mq_notify(q, &event) == -1 ? erri(errno) : "ok");
}
int main(void)
{
    struct mq_attr a = { .mq_maxmsg = 2, .mq_msgsize = 16 };
    char text[16];
    snprintf(name, sizeof name, "/fkw%d", getpid());
    q = MUST(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &a));
    pid_t first = receiver(5, 0), second = receiver(5, 0), third = receiver(0, 0);
    MUST(mq_send(q, "the nicest last", 16, 1));
    reap(third, "third");
    MUST(mq_send(q, "then the first", 15, 2));
    reap(first, "first");
    MUST(mq_send(q, "and the second", 15, 3));
    reap(second, "second");
    // senders
    MUST(mq_send(q, "a", 2, 0));
    MUST(mq_send(q, "b", 2, 0));
    pid_t pid = spawn();
    if (pid == 0)
        _exit(mq_send(q, "waited", 7, 9));
    until_state(pid, 'S');
    struct mq_attr now;
    mq_getattr(q, &now);
    say("%ld in it", now.mq_curmsgs);
    for (int i = 0; i < 3; i++) {
        unsigned prio;
        MUST(mq_receive(q, text, 16, &prio));
        say("%s %u", text, prio);
        if (i == 0)
            reap(pid, "sender");
    }
    // signals
    pid = receiver(0, 0);
    kill(pid, SIGUSR1);
    reap(pid, "interrupted");
    pid = receiver(0, SA_RESTART);
    kill(pid, SIGUSR1);
    pause_ms(10);
    MUST(mq_send(q, "restarted", 10, 0));
    reap(pid, "restarted");
    pid = receiver(0, 0);
    kill(pid, SIGKILL);
    reap(pid, "killed");
    MUST(mq_send(q, "not for the dead", 16, 0));
    MUST(mq_receive(q, text, 16, NULL));
    // poll wakes
    pid = spawn();
    if (pid == 0) {
        struct pollfd p = { q, POLLIN, 0 };
        int n = poll(&p, 1, 5000);
        say("poll: %d %s", n, p.revents & POLLIN ? "IN" : "");
        _exit(0);
    }
    until_state(pid, 'S');
    MUST(mq_send(q, "x", 2, 0));
    reap(pid, "poller");
    // notification
    on_siginfo(SIGUSR2, on_message, 0);
    notify(SIGEV_SIGNAL, SIGUSR2, 42);
    pid = spawn();
    if (pid == 0) {
        notify(SIGEV_NONE, 0, 0);
        say("not mine: %s", mq_notify(q, NULL) == -1 ? erri(errno) : "ok");
        _exit(0);
    }
    reap(pid, "another");
    notify(SIGEV_SIGNAL, SIGUSR2, 42);
    MUST(mq_send(q, "y", 2, 0));
    say("not empty before: %d", got);
    MUST(mq_receive(q, text, 16, NULL));
    MUST(mq_receive(q, text, 16, NULL));
    MUST(mq_send(q, "z", 2, 0));
    say("signal %s code %d value %d from me %d", sig(got), code, value, from_me);
    got = 0;
    MUST(mq_receive(q, text, 16, NULL));
    MUST(mq_send(q, "z", 2, 0));
    say("only once: %d", got);
    MUST(mq_receive(q, text, 16, NULL));
    notify(SIGEV_SIGNAL, SIGUSR2, 43);
    pid = receiver(0, 0);
    MUST(mq_send(q, "who waits first", 16, 0));
    reap(pid, "receiver");
    say("not told: %d", got);
    say("off: %s", mq_notify(q, NULL) == -1 ? erri(errno) : "ok");
    MUST(mq_send(q, "z", 2, 0));
    say("not told: %d", got);
    MUST(mq_receive(q, text, 16, NULL));
    notify(SIGEV_SIGNAL, SIGUSR2, 44);
    close(dup(q));
    notify(SIGEV_NONE, 0, 0); // closing a copy has taken it back
    say("off: %s", mq_notify(q, NULL) == -1 ? erri(errno) : "ok");
    pid = spawn();
    if (pid == 0) {
        notify(SIGEV_SIGNAL, SIGUSR2, 45);
        _exit(0);
    }
    reap(pid, "gone with its notification");
    notify(SIGEV_NONE, 0, 0);
    MUST(mq_send(q, "z", 2, 0));
    notify(SIGEV_NONE, 0, 0);
    notify(7, 0, 0);
    notify(SIGEV_SIGNAL, 65, 0);
    say("bad: %s", syscall(SYS_mq_notify, 0, NULL) == -1 ? erri(errno) : "ok");
    say("bad: %s", syscall(SYS_mq_notify, q, (void *)8) == -1 ? erri(errno) : "ok");
    MUST(mq_unlink(name));
    return 0;
}
