// exit_group in any thread ends all, wherever they are: asleep, in a loop, in a futex.
#include "guest.h"
static void *in_pause(void *unused) { for (;;) pause(); return unused; }
static void *in_loop(void *unused) { for (;;) sched_yield(); return unused; }
static void *in_futex(void *unused)
{
    static int word;
    syscall(SYS_futex, &word, 0, 0, NULL);
    return unused;
}
static void *in_read(void *fd) { char c; read(*(int *)fd, &c, 1); return NULL; }
static void *ender(void *unused) { pause_ms(5); _exit(21); return unused; }
int main(void)
{
    pid_t pid = spawn();
    if (pid == 0) {
        int fd[2];
        MUST(pipe(fd));
        pthread_t t;
        pthread_create(&t, NULL, in_pause, NULL);
        pthread_create(&t, NULL, in_loop, NULL);
        pthread_create(&t, NULL, in_futex, NULL);
        pthread_create(&t, NULL, in_read, &fd[0]);
        pthread_create(&t, NULL, ender, NULL);
        for (;;)
            pause();
    }
    reap(pid, "child");
    return 0;
}
