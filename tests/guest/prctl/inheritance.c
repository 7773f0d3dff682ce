// What fork and exec do to a process's prctl settings.
// args: first
#include "guest.h"
static void show(const char *who)
{
    int deathsig = -1, reaper = -1;
    char name[17] = "";
    prctl(PR_GET_PDEATHSIG, &deathsig);
    prctl(PR_GET_CHILD_SUBREAPER, &reaper);
    prctl(PR_GET_NAME, name);
    say("%s: deathsig %d, dumpable %d, subreaper %d, no_new_privs %d, slack %d, keepcaps %d, thp %d, name %s", who, deathsig,
        prctl(PR_GET_DUMPABLE), reaper, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_TIMERSLACK),
        prctl(PR_GET_KEEPCAPS), prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), strcmp(name, "renamed") ? "another" : name);
}
static void *thread(void *arg)
{
    (void)arg;
    show("thread");
    return NULL;
}
int main(int argc, char **argv)
{
    (void)argc;
    if (!strcmp(argv[1], "second")) {
        show("after exec");
        return 0;
    }
    show("at first");
    prctl(PR_SET_PDEATHSIG, SIGUSR1);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_TIMERSLACK, 1234);
    prctl(PR_SET_KEEPCAPS, 1);
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    prctl(PR_SET_NAME, "renamed");
    prctl(PR_SET_DUMPABLE, 0);
    show("set");
    pthread_t id;
    pthread_create(&id, NULL, thread, NULL);
    pthread_join(id, NULL);
    if (spawn() == 0) {
        show("child");
        _exit(0);
    }
    wait(NULL);
    execl("/proc/self/exe", argv[0], "second", NULL);
    prctl(PR_SET_DUMPABLE, 1);
    execl("/proc/self/exe", argv[0], "second", NULL);
    die("exec");
}
