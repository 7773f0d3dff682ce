// The child's copy of stdio buffers is flushed by exit but not by _exit.
#include "guest.h"
int main(void)
{
    setvbuf(stdout, NULL, _IOFBF, 4096);
    printf("before ");
    pid_t pid = spawn();
    if (pid == 0) {
        printf("child\n");
        exit(0);
    }
    waitpid(pid, NULL, 0);
    pid = spawn();
    if (pid == 0) {
        printf("never shown\n");
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    printf("parent\n");
    return 3;
}
