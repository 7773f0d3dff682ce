/* A parent and two children to look into: one that only sleeps, one that wrote to a page of memory got before the fork. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define APART ((char *)0x100000000000)

static void handler(int sig) { (void)sig; }
static void *thread(void *arg) {
    pause();
    return arg;
}

int main(void) {
    char *memory = mmap(APART, 16 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    memset(memory, 1, 4 * 4096);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, handler);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) return 1;
    if (fork() == 0) {
        prctl(PR_SET_NAME, "sleeper");
        pause();
        return 0;
    }
    if (fork() == 0) {
        prctl(PR_SET_NAME, "writer");
        memory[4096] = 2;
        pthread_t id;
        pthread_create(&id, NULL, thread, NULL);
        pause();
        return 0;
    }
    kill(getpid(), SIGUSR1);
    if (fork() == 0) _exit(3);
    usleep(1000);
    kill(-1, 0);
    pause();
    return 0;
}
