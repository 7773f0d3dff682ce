/* All threads of a process traced: each stops by itself, group stops reach all, exit_group ends all. */
#include "ptrace.h"

static void *sleeper(void *argument)
{
    (void)argument;
    for (;;)
        pause();
}

int main(void)
{
    int status, pid = fork(), stopped = 0, ended = 0, events = 0, tids[8], known = 0;
    if (pid == 0) {
        pthread_t id;
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        for (int i = 0; i < 3; i++)
            pthread_create(&id, NULL, sleeper, NULL);
        raise(SIGUSR1);
        _exit(3);
    }
    wait_and_tell(pid, "begin");
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACECLONE);
    ptrace(PTRACE_CONT, pid, 0, 0);
    for (;;) {
        int who = waitpid(-1, &status, __WALL);
        if (who < 0 || !WIFSTOPPED(status))
            return 1;
        if (status >> 16 == 3)
            events++;
        else if (who != pid && WSTOPSIG(status) == SIGSTOP) {
            tids[known++] = who;
            stopped++;
        } else if (WSTOPSIG(status) == SIGUSR1) {
            break;
        }
        ptrace(PTRACE_CONT, who, 0, 0);
        if (0)
            break;
    }
    while (stopped < 3) {
        int who = waitpid(-1, &status, __WALL);
        if (who == pid)
            return 2;
        tids[known++] = who;
        stopped++;
        ptrace(PTRACE_CONT, who, 0, 0);
    }
    printf("events %d first stops %d\n", events, stopped);
    printf("registers of a runner: %ld errno %d\n", ptrace(PTRACE_PEEKUSER, tids[0], 0, 0), errno);
    ptrace(PTRACE_CONT, pid, 0, 0);
    for (;;) {
        int who = waitpid(-1, &status, __WALL);
        if (who < 0)
            break;
        ended++;
        if (who == pid)
            printf("leader: %s, after the others %d\n", told(status), ended == 4);
        else if (!WIFEXITED(status) || WEXITSTATUS(status) != 3)
            printf("thread: %s\n", told(status));
    }
    printf("ended %d\n", ended);
    return 0;
}
