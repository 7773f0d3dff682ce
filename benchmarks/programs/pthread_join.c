/* pthread_create and pthread_join. */
#include "bench.h"
static void *nothing(void *argument) { return argument; }
static void repeat(long count)
{
    while (count--) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, nothing, NULL))
            die("pthread_create");
        pthread_join(thread, NULL);
    }
}
int main(int argc, char **argv) { return measure(argc, argv, 16, repeat); }
