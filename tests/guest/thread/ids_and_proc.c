// Threads have one PID, their own TIDs, and entries in /proc/self/task; signal handlers and cwd are one.
#include "guest.h"
#include <dirent.h>
static pthread_barrier_t barrier;
static pid_t tids[3], pids[3];
static void *worker(void *argument)
{
    long i = (long)argument;
    tids[i] = gettid(), pids[i] = getpid();
    if (i == 1)
        chdir("/");
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return NULL;
}
static int entries(void)
{
    DIR *dir = opendir("/proc/self/task");
    int n = 0;
    for (struct dirent *e; dir && (e = readdir(dir));)
        n += e->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return n;
}
int main(void)
{
    pthread_t t[3];
    pthread_barrier_init(&barrier, NULL, 4);
    for (long i = 0; i < 3; i++)
        pthread_create(&t[i], NULL, worker, (void *)i);
    pthread_barrier_wait(&barrier);
    say("one pid %d, own tids %d", pids[0] == getpid() && pids[1] == getpid(),
        tids[0] != tids[1] && tids[1] != tids[2] && tids[0] != getpid());
    say("entries %d", entries());
    char cwd[PATH_MAX];
    say("cwd %s", getcwd(cwd, sizeof cwd));
    say("stat of a thread by its own number: %d", state_of(tids[0]) != '?');
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    for (int i = 0; i < 100 && entries() != 1; i++)
        pause_ms(1);
    say("entries %d", entries());
    return 0;
}
