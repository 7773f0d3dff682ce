// A futex in shared memory works between processes; a private one, or one on a private page, does not.
#include "futex.h"
int main(void)
{
    int *word = shared(4096);
    static int own;
    pid_t pid = spawn();
    if (pid == 0) {
        struct timespec limit = { 2, 0 };
        word[1] = 1;
        long result = futex(word, FUTEX_WAIT, 0, &limit, NULL, 0);
        say("child woken: %s", outcome(result));
        limit = (struct timespec){ 0, 20 * MS };
        word[1] = 2;
        result = futex(&own, FUTEX_WAIT, 0, &limit, NULL, 0);
        say("copied page: %s", outcome(result));
        _exit(0);
    }
    while (__atomic_load_n(&word[1], __ATOMIC_SEQ_CST) != 1)
        pause_ms(1);
    while (futex(word, FUTEX_WAKE, 1, NULL, NULL, 0) == 0)
        pause_ms(1);
    while (__atomic_load_n(&word[1], __ATOMIC_SEQ_CST) != 2)
        pause_ms(1);
    pause_ms(5);
    long woken = futex(&own, FUTEX_WAKE, 1, NULL, NULL, 0);
    reap(pid, "child");
    say("wakes at the parent's copy: %ld", woken);
    return 0;
}
