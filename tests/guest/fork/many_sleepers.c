/* 400 children alive at once, asleep while others come and go; each then has its own stack, data and heap still. */
#include "../guest.h"

enum { CHILDREN = 400 };
static volatile int data[4096];
static volatile int *heap;

static int child(int number, int go)
{
    volatile int local[256];
    char byte;
    int wrong = 0;
    for (int i = 0; i < 256; i++)
        local[i] = number + i;
    data[number] = number;
    heap[number * 64] = number;
    if (read(go, &byte, 1) != 1)
        return 1;
    for (int i = 0; i < 256; i++)
        wrong += local[i] != number + i;
    for (int i = 1; i < CHILDREN; i++)
        wrong += data[i] != (i == number ? i : 0) || heap[i * 64] != (i == number ? i : 0);
    pid_t grandchild = fork(); /* shares what was asleep */
    if (grandchild == 0)
        _exit(data[number] == number && local[255] == number + 255 ? 0 : 1);
    int status;
    waitpid(grandchild, &status, 0);
    return wrong || status ? 2 : 0;
}

int main(void)
{
    int go[2], good = 0, status;
    heap = calloc(CHILDREN * 64, sizeof(int));
    if (pipe(go))
        return 1;
    for (int i = 1; i < CHILDREN; i++) {
        if (fork() == 0)
            _exit(child(i, go[0]));
        usleep(1000);
    }
    char bytes[CHILDREN] = {0};
    printf("alive, now let them go\n");
    fflush(stdout);
    usleep(50000);
    if (write(go[1], bytes, CHILDREN - 1) != CHILDREN - 1)
        return 1;
    while (wait(&status) > 0)
        good += status == 0;
    printf("%d good of %d\n", good, CHILDREN - 1);
    return 0;
}
