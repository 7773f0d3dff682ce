// Waiting on semaphores: order, counts of waiters, signals, time-outs, removal, waiting for zero.
#include "../sysv.h"
static int id;
static int *log_, *at;
static void note(int who) { log_[__sync_fetch_and_add(at, 1)] = who; }
static void nothing(int number) { (void)number; }
static pid_t waiter(int who, struct sembuf *sops, int count)
{
    pid_t pid = spawn();
    if (pid == 0) {
        int result = semop(id, sops, count);
        note(result == -1 ? -errno : who);
        _exit(0);
    }
    return pid;
}
int main(void)
{
    log_ = shared(4096), at = log_ + 500;
    id = MUST(semget(IPC_PRIVATE, 3, 0600));
    // first come, first served; one that wants more than there is does not hold up those behind it
    struct sembuf one = { 0, -1, 0 }, three = { 0, -3, 0 };
    pid_t a = waiter(1, &three, 1);
    until_waiting(id, 0, GETNCNT, 1);
    pid_t b = waiter(2, &one, 1);
    until_waiting(id, 0, GETNCNT, 2);
    pid_t c = waiter(3, &one, 1);
    until_waiting(id, 0, GETNCNT, 3);
    VALUE(semctl(id, 0, GETZCNT));
    MUST(sem1(id, 0, 1, 0));
    reap(b, "b");
    say("first: %d, value %d, waiting %d", log_[0], value_of(id, 0), semctl(id, 0, GETNCNT));
    MUST(sem1(id, 0, 3, 0));
    reap(a, "a");
    say("second: %d, value %d, waiting %d", log_[1], value_of(id, 0), semctl(id, 0, GETNCNT));
    MUST(sem1(id, 0, 1, 0));
    reap(c, "c");
    say("third: %d, value %d", log_[2], value_of(id, 0));
    // several semaphores at once: all or nothing, counted at the one that blocks
    struct sembuf two[] = { { 0, -1, 0 }, { 1, -1, 0 } };
    a = waiter(4, two, 2);
    until_waiting(id, 0, GETNCNT, 1);
    VALUE(semctl(id, 1, GETNCNT));
    MUST(sem1(id, 0, 1, 0));
    until_waiting(id, 1, GETNCNT, 1);
    say("holds nothing: %d, waiting %d and %d", value_of(id, 0), semctl(id, 0, GETNCNT), semctl(id, 1, GETNCNT));
    MUST(sem1(id, 1, 1, 0));
    reap(a, "two at once");
    say("took both: %d %d", value_of(id, 0), value_of(id, 1));
    YES(semctl(id, 1, GETPID) == a);
    // zero
    MUST(setval(id, 2, 2));
    struct sembuf zero = { 2, 0, 0 }, zero_up[] = { { 2, 0, 0 }, { 2, 1, 0 } };
    a = waiter(5, &zero, 1);
    until_waiting(id, 2, GETZCNT, 1);
    b = waiter(6, zero_up, 2);
    until_waiting(id, 2, GETZCNT, 2);
    MUST(sem1(id, 2, -1, 0));
    say("still %d", semctl(id, 2, GETZCNT));
    MUST(sem1(id, 2, -1, 0));
    reap(a, "zero");
    reap(b, "zero and up");
    say("value %d", value_of(id, 2));
    MUST(setval(id, 2, 1));
    a = waiter(7, &zero, 1);
    until_waiting(id, 2, GETZCNT, 1);
    MUST(setval(id, 2, 0)); // SETVAL wakes too
    reap(a, "after SETVAL");
    // a chain: one wakes the next
    *at = 0;
    struct sembuf pass[] = { { 0, -1, 0 }, { 1, 1, 0 } }, pass2[] = { { 1, -1, 0 }, { 2, 1, 0 } };
    a = waiter(8, pass2, 2);
    until_waiting(id, 1, GETNCNT, 1);
    b = waiter(9, pass, 2);
    until_waiting(id, 0, GETNCNT, 1);
    MUST(sem1(id, 0, 1, 0));
    reap(a, "chain end");
    reap(b, "chain begin");
    say("values %d %d %d", value_of(id, 0), value_of(id, 1), value_of(id, 2));
    // signals: EINTR even with SA_RESTART
    on_signal(SIGUSR1, nothing, SA_RESTART);
    *at = 0;
    a = waiter(10, &one, 1);
    until_waiting(id, 0, GETNCNT, 1);
    MUST(kill(a, SIGUSR1));
    reap(a, "signalled");
    say("%s, waiting %d", erri(-log_[0]), semctl(id, 0, GETNCNT));
    a = waiter(11, &one, 1);
    until_waiting(id, 0, GETNCNT, 1);
    MUST(kill(a, SIGKILL));
    reap(a, "killed");
    say("waiting %d", semctl(id, 0, GETNCNT));
    a = waiter(12, &one, 1);
    until_waiting(id, 0, GETNCNT, 1);
    MUST(kill(a, SIGSTOP));
    until_state(a, 'T');
    MUST(kill(a, SIGCONT));
    reap(a, "stopped and continued");
    say("%s", erri(-log_[1]));
    // removal
    *at = 0;
    a = waiter(13, &one, 1);
    until_waiting(id, 0, GETNCNT, 1);
    b = waiter(14, &(struct sembuf){ 2, 0, 0 }, 1);
    until_waiting(id, 2, GETZCNT, 1);
    MUST(semctl(id, 0, IPC_RMID));
    reap(a, "removed");
    reap(b, "removed");
    say("%s %s", erri(-log_[0]), erri(-log_[1]));
    return 0;
}
