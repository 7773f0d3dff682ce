// Any thread may wait for a child of any other; with __WNOTHREAD only for its own.
#include "guest.h"
static pid_t pid;
static void *waiter(void *unused)
{
    (void)unused;
    int status = 0;
    say("__WNOTHREAD: %s", outcome(waitpid(pid, &status, __WNOTHREAD)));
    say("plain: %d", waitpid(pid, &status, 0) == pid);
    return NULL;
}
int main(void)
{
    pid = spawn();
    if (pid == 0)
        _exit(0);
    pthread_t t;
    pthread_create(&t, NULL, waiter, NULL);
    pthread_join(t, NULL);
    TRY(waitpid(pid, NULL, 0));
    return 0;
}
