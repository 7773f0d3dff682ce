/* Programs without an MMU are not protected from each other: a child process, told an address, reads the parent's
 * memory and writes there. Only memory that nobody has is refused. */
#define _GNU_SOURCE
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static char secret[32] = "the parent's secret";
static const char constant[] = "read-only";
static int code(void) { return 5; }

static int child(char **argv) {
    char *theirs = (char *)strtoull(argv[2], NULL, 16);
    int (*call)(void) = (int (*)(void))strtoull(argv[3], NULL, 16);
    printf("the child reads: %s\n", theirs);
    printf("its own lies elsewhere: %d\n", theirs != secret);
    printf("it calls the parent's function: %d\n", call());
    strcpy(theirs, "overwritten by the child");
    fflush(stdout);
    return 0;
}
static int run(char *mode) {
    char address[20], function[20];
    snprintf(address, sizeof address, "%lx", (unsigned long)secret);
    snprintf(function, sizeof function, "%lx", (unsigned long)code);
    char *argv[] = {"neighbour", mode, address, function, NULL};
    pid_t pid;
    int status;
    if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ) || waitpid(pid, &status, 0) != pid) abort();
    return status;
}
int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IONBF, 0);
    if (argc > 1 && !strcmp(argv[1], "child")) return child(argv);
    if (argc > 1 && !strcmp(argv[1], "null")) return *(volatile char *)8;
    if (argc > 1 && !strcmp(argv[1], "free")) {
        char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        munmap(p, 4096);
        *(volatile char *)p = 1;
        return 0;
    }
    int status = run("child");
    printf("the parent has: %s (child ended with %d)\n", secret, WEXITSTATUS(status));
    *(volatile char *)constant = 'R';
    printf("a constant is now: %s\n", constant);
    printf("a NULL pointer: signal %d\n", WTERMSIG(run("null")));
    printf("memory given back: signal %d\n", WTERMSIG(run("free")));
    return 0;
}
