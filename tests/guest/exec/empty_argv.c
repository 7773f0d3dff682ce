// An empty argument vector is given one empty string (Linux 5.18 and later).
// needs: linux-5.18
#include "guest.h"
int main(int argc, char **argv)
{
    if (argc == 1 && argv[0][0] == 0) {
        say("argc %d, argv[0] empty, argv[1] null %d", argc, argv[1] == NULL);
        return 0;
    }
    char *none[] = { NULL };
    execve("/proc/self/exe", none, none);
    return 1;
}
