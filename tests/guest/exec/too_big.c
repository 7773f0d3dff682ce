// E2BIG: one string above 128 KiB, or all together above a quarter of the stack limit.
#include "guest.h"
int main(int argc, char **argv)
{
    if (argc > 1) {
        say("ran with %d arguments", argc);
        return 0;
    }
    enum { PAGE = 4096, MOST = 32 * PAGE };
    char *text = malloc(MOST + 1);
    memset(text, 'x', MOST + 1);
    text[MOST] = 0;
    char *args[] = { argv[0], text, NULL };
    execve(argv[0], args, NULL);
    say("128 KiB: %s", err(errno));
    text[MOST - 1] = 0;
    pid_t pid = spawn();
    if (pid == 0) {
        execve(argv[0], args, NULL);
        say("failed %s", err(errno));
        _exit(1);
    }
    reap(pid, "one less");
    text[100000] = 0;
    struct rlimit limit = { 1 << 20, 8 << 20 };
    pid = spawn();
    if (pid == 0) {
        MUST(setrlimit(RLIMIT_STACK, &limit));
        char *many[] = { argv[0], text, text, text, text, NULL };
        execve(argv[0], many, NULL);
        say("above a quarter of the stack: %s", err(errno));
        many[3] = NULL;
        execve(argv[0], many, NULL);
        say("failed %s", err(errno));
        _exit(1);
    }
    reap(pid, "below it");
    return 0;
}
