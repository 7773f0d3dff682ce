// exec in a thread: the others die, the caller gets the leader's PID, no zombie is left behind.
#include "guest.h"
static char *program;
static void *sleeper(void *unused)
{
    (void)unused;
    for (;;)
        pause();
}
static void *caller(void *argument)
{
    char *args[] = { program, "again", argument, NULL };
    pause_ms(5);
    execv(program, args);
    return NULL;
}
static int count(const char *key)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    int n = -1;
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, strlen(key)) == 0)
            n = atoi(line + strlen(key));
    if (f)
        fclose(f);
    return n;
}
int main(int argc, char **argv)
{
    if (argc > 1) {
        say("same pid %d, tid is pid %d, threads %d", getpid() == atoi(argv[2]), gettid() == getpid(),
            count("Threads:"));
        return 7;
    }
    program = argv[0];
    pid_t pid = spawn();
    if (pid == 0) {
        char text[16];
        snprintf(text, sizeof text, "%d", getpid());
        pthread_t threads[4];
        for (int i = 0; i < 3; i++)
            pthread_create(&threads[i], NULL, sleeper, NULL);
        pthread_create(&threads[3], NULL, caller, text);
        pause();
    }
    reap(pid, "child");
    say("nothing more: %s", outcome(waitpid(-1, NULL, __WALL)));
    return 0;
}
