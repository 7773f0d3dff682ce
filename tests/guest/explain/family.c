// One of everything that a process can do: fork and copy-on-write, an orphan, vfork, exec, a thread, a death by signal.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static char written[8192];

static void *body(void *argument)
{
    return argument;
}

int main(void)
{
    int status;

    if (fork() == 0) {
        written[4096] = 1;
        if (fork() == 0) {
            usleep(1000);
            _exit(5);
        }
        _exit(3);
    }
    written[0] = 2;
    wait(&status);
    printf("child %d\n", WEXITSTATUS(status));

    if (vfork() == 0) {
        execl("/bin/true", "true", (char *)0);
        _exit(127);
    }
    wait(&status);
    printf("program %d\n", WEXITSTATUS(status));

    pthread_t thread;
    pthread_create(&thread, 0, body, 0);
    pthread_join(thread, 0);
    usleep(5000);

    fflush(stdout);
    if (fork() == 0) {
        execl("/nonexistent", "nonexistent", (char *)0);
        kill(getpid(), SIGKILL);
    }
    wait(&status);
    printf("signal %d\n", WTERMSIG(status));
    return wait(&status) != -1;
}
