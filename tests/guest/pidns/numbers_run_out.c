// A PID namespace with few numbers: they go round, from 300 on after the first round; EAGAIN when all are in use; the
// first that is free again is the next one given. pid_max and ns_last_pid are the namespace's own.
// needs: root linux-6.14
#include "pidns.h"
static long read_number(const char *path)
{
    char text[32] = { 0 };
    int fd = MUST(open(path, O_RDONLY));
    MUST(read(fd, text, sizeof text - 1));
    close(fd);
    return atol(text);
}
static const char *write_number(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    if (fd == -1)
        return err(errno);
    const char *result = write(fd, text, strlen(text)) == -1 ? err(errno) : "ok";
    close(fd);
    return result;
}
#define PID_MAX "/proc/sys/kernel/pid_max"
#define LAST "/proc/sys/kernel/ns_last_pid"
static void forever(void)
{
    for (;;)
        pause();
}
static pid_t one(void)
{
    pid_t pid = fork();
    if (pid == 0)
        forever();
    return pid;
}
static void kill_one(pid_t pid)
{
    MUST(kill(pid, SIGKILL));
    MUST(waitpid(pid, NULL, 0));
}
static void as_init(void)
{
    enum { MAX = 320 };
    say("at first %ld, last %ld", read_number(PID_MAX), read_number(LAST));
    say("300: %s", write_number(PID_MAX, "300"));
    say("4194305: %s", write_number(PID_MAX, "4194305"));
    say("rubbish: %s", write_number(PID_MAX, "x"));
    say("320: %s, now %ld", write_number(PID_MAX, "320"), read_number(PID_MAX));
    int ordered = 1;
    for (int i = 2; i < MAX; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        ordered &= pid == i;
        MUST(waitpid(pid, NULL, 0));
    }
    say("the first round in order: %d, last %ld", ordered, read_number(LAST));
    pid_t first = one();
    say("the second round begins with %d", first);
    kill_one(first);
    int count = 0;
    pid_t pid, pids[MAX];
    while ((pid = one()) != -1)
        pids[count++] = pid;
    say("%d at once from %d to %d and on to %d, then %s", count, pids[0], pids[count - 2], pids[count - 1], err(errno));
    TRYAS("again", one());
    pthread_t thread;
    say("a thread: %s", err(pthread_create(&thread, NULL, (void *(*)(void *))forever, NULL)));
    kill_one(pids[5]);
    say("after the death of the sixth: right number %d", one() == pids[5]);
    TRYAS("full again", one());
    kill_one(pids[9]);
    kill_one(pids[7]);
    pid_t next = one();
    say("the eighth dies after the tenth, the next is the eighth %d, the tenth %d", next == pids[7], next == pids[9]);
    next = one();
    say("then the eighth %d, the tenth %d", next == pids[7], next == pids[9]);
    say("400: %s", write_number(PID_MAX, "400"));
    say("more room: %d", one());
    say("last = 350: %s", write_number(LAST, "350"));
    next = one();
    say("%d", next);
    say("last = 5: %s", write_number(LAST, "5"));
    say("%d", one());
    say("last = -1: %s", write_number(LAST, "-1"));
    say("last beyond: %s", write_number(LAST, "500"));
    pid_t nested = fork_newpid();
    if (nested == 0) {
        say("a nested one has %ld", read_number(PID_MAX));
        say("its own 500: %s", write_number(PID_MAX, "500"));
        _exit(0);
    }
    MUST(waitpid(nested, NULL, 0));
    say("it did not change ours: %ld", read_number(PID_MAX));
    if (fork() == 0) {
        if (setuid(1000) == 0) {
            say("user: pid_max %s", write_number(PID_MAX, "401"));
            say("user: ns_last_pid %s", write_number(LAST, "2"));
        }
        _exit(0);
    }
    nanosleep(&(struct timespec){ 0, 100 * MS }, NULL);
    _exit(0);
}
int main(void)
{
    pid_t init = fork_newpid();
    if (init == 0)
        as_init();
    say("%s", ended(init));
    return 0;
}
