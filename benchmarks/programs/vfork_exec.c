/* vfork, execve of argv[2] with the arguments after it, waitpid. */
#include "bench.h"
static char **command;
static char *none[] = { NULL };
static void repeat(long count)
{
    while (count--) {
        pid_t pid = vfork();
        if (pid == 0) {
            execve(command[0], command, none);
            _exit(127);
        }
        end_of(pid);
    }
}
int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    command = argv + 2;
    return measure(argc, argv, 4, repeat);
}
