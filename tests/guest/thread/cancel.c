// pthread_cancel: a thread asleep in read is ended, its cleanup runs.
#include "guest.h"
static int cleaned, fd[2];
static void cleanup(void *unused) { (void)unused; cleaned++; }
static void *reader(void *unused)
{
    char c;
    pthread_cleanup_push(cleanup, unused);
    read(fd[0], &c, 1);
    pthread_cleanup_pop(0);
    return NULL;
}
static void *stubborn(void *unused)
{
    (void)unused;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pause_ms(5);
    return (void *)5;
}
int main(void)
{
    MUST(pipe(fd));
    pthread_t a, b;
    void *result;
    pthread_create(&a, NULL, reader, NULL);
    pause_ms(5);
    say("cancel: %s", err(pthread_cancel(a)));
    pthread_join(a, &result);
    say("cancelled %d, cleaned %d", result == PTHREAD_CANCELED, cleaned);
    pthread_create(&b, NULL, stubborn, NULL);
    pthread_cancel(b);
    pthread_join(b, &result);
    say("stubborn: cancelled %d", result == PTHREAD_CANCELED);
    return 0;
}
