// Each thread has its own thread-local variables, initialised anew; errno is one of them.
#include "guest.h"
static __thread int local = 7;
static void *worker(void *argument)
{
    int start = local;
    local += (int)(long)argument;
    close(-1);
    return (void *)(long)(start * 1000 + local * 10 + (errno == EBADF));
}
int main(void)
{
    pthread_t t[3];
    errno = 0;
    for (long i = 0; i < 3; i++)
        pthread_create(&t[i], NULL, worker, (void *)(i + 1));
    for (int i = 0; i < 3; i++) {
        void *result;
        pthread_join(t[i], &result);
        say("%ld", (long)result);
    }
    say("main: %d, errno %d", local, errno);
    return 0;
}
