// argv and envp arrive as given: empty strings, spaces, long ones; argc counts them.
#include "guest.h"
extern char **environ;
int main(int argc, char **argv)
{
    if (argc > 1) {
        say("argc %d", argc);
        for (int i = 1; i < argc; i++)
            say("argv[%d] %zu '%.20s'", i, strlen(argv[i]), argv[i]);
        for (int i = 0; environ[i]; i++)
            say("env '%.20s'", environ[i]);
        return argv[argc] == NULL ? 0 : 1;
    }
    char *big = malloc(100001);
    memset(big, 'x', 100000);
    big[100000] = 0;
    char *args[] = { argv[0], "one", "", "two words", big, "\xff\x01", NULL };
    char *env[] = { "A=1", "NOEQUALS", "", "A=again", NULL };
    pid_t pid = spawn();
    if (pid == 0) {
        execve(argv[0], args, env);
        _exit(127);
    }
    reap(pid, "child");
    return 0;
}
