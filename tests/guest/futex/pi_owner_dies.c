// The owner of a PI lock ends while others wait: a thread, a process, by a signal, by execve; with robust lists and without.
#include "futex_pi.h"
struct shared_lock {
    int word;
    struct { void *next; long offset; void *pending; } head;
    struct { void *next; } entry;
};
static struct shared_lock *s;
static const char *text(int value, int tid)
{
    static char line[64];
    int owner = value & FUTEX_TID_MASK;
    snprintf(line, sizeof line, "%s%s%s", !owner ? "free" : owner == tid ? "the waiter's" : "another's",
             value & FUTEX_WAITERS ? " waiters" : "", value & FUTEX_OWNER_DIED ? " owner died" : "");
    return line;
}
static void robust(int pi)
{
    s->entry.next = &s->head;
    s->head.next = (char *)&s->entry + pi;
    s->head.offset = (char *)&s->word - (char *)&s->entry;
    s->head.pending = NULL;
    MUST(syscall(SYS_set_robust_list, &s->head, 24L));
}
static int ended_by;
static void owner(int use_list, struct gate go)
{
    if (use_list)
        robust(1);
    MUST(futex(&s->word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    open_gate(go);
    while (!(*(volatile int *)&s->word & FUTEX_WAITERS))
        sched_yield();
    pause_ms(20);
    if (ended_by == 1)
        kill(getpid(), SIGKILL);
    if (ended_by == 2)
        execl("/bin/true", "true", NULL);
    if (ended_by == 3)
        syscall(SYS_exit, 0);
    _exit(0);
}
static void *thread(void *arg)
{
    owner(0, *(struct gate *)arg);
    return NULL;
}
int main(void)
{
    s = shared(4096);
    for (ended_by = 0; ended_by < 3; ended_by++)
        for (int list = 0; list < 2; list++) {
            memset(s, 0, sizeof *s);
            struct gate go = new_gate();
            pid_t pid = spawn();
            if (!pid)
                owner(list, go);
            pass_gate(go);
            long result = futex(&s->word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
            say("process, end %d, list %d: %s, %s", ended_by, list, outcome(result), text(s->word, gettid()));
            TRY(futex(&s->word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
            say("then %s", text(s->word, gettid()));
            waitpid(pid, NULL, 0);
        }
    ended_by = 3;
    memset(s, 0, sizeof *s);
    struct gate go = new_gate();
    pthread_t t;
    pthread_create(&t, NULL, thread, &go);
    pass_gate(go);
    long result = futex(&s->word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
    say("thread: %s, %s", outcome(result), text(s->word, gettid()));
    /* nobody waits: the list marks the word, without one the TID stays */
    for (int list = 0; list < 3; list++) {
        memset(s, 0, sizeof *s);
        pid_t pid = spawn();
        if (!pid) {
            if (list)
                robust(list == 1);
            futex(&s->word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
            _exit(0);
        }
        waitpid(pid, NULL, 0);
        say("nobody waits, list %d: %s", list, text(s->word, pid));
        result = futex(&s->word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
        say("taken: %s, %s", outcome(result), text(s->word, gettid()));
    }
    return 0;
}
