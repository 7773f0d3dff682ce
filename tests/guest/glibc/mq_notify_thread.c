// A thread of the C library runs at each message that comes to an empty queue (mq_notify, SIGEV_THREAD): it is told over
// a netlink socket.
#include "guest.h"
#include <mqueue.h>
#include <semaphore.h>

static sem_t ran;
static mqd_t queue;

static void function(union sigval value)
{
    char text[64];
    ssize_t n = mq_receive(queue, text, sizeof text, NULL);
    say("the thread: value %d, %.*s", value.sival_int, (int)n, text);
    sem_post(&ran);
}

int main(void)
{
    char name[40];
    struct mq_attr attr = { .mq_maxmsg = 4, .mq_msgsize = 64 };
    struct sigevent event = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = function };
    snprintf(name, sizeof name, "/forkernel-%d", getpid());
    queue = MUST(mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attr));
    MUST(mq_unlink(name));
    sem_init(&ran, 0, 0);
    for (int i = 0; i < 3; i++) {
        event.sigev_value.sival_int = 40 + i;
        MUST(mq_notify(queue, &event));
        TRYAS("a second time", mq_notify(queue, &event));
        MUST(mq_send(queue, i ? "again" : "first", 5, 0));
        sem_wait(&ran);
    }
    MUST(mq_notify(queue, &event));
    MUST(mq_notify(queue, NULL));
    MUST(mq_send(queue, "nobody", 6, 0));
    say("nothing ran: %d", sem_trywait(&ran) == -1 && errno == EAGAIN);
    return 0;
}
