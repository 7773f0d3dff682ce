// Two threads wait for one child: one gets it, the other ECHILD.
#include "guest.h"
static pid_t pid;
static int got, none;
static void *waiter(void *unused)
{
    (void)unused;
    if (waitpid(pid, NULL, 0) == pid)
        __atomic_add_fetch(&got, 1, __ATOMIC_SEQ_CST);
    else if (errno == ECHILD)
        __atomic_add_fetch(&none, 1, __ATOMIC_SEQ_CST);
    return NULL;
}
int main(void)
{
    for (int round = 0; round < 5; round++) {
        struct gate gate = new_gate();
        pid = spawn();
        if (pid == 0) {
            pass_gate(gate);
            _exit(0);
        }
        pthread_t a, b;
        pthread_create(&a, NULL, waiter, NULL);
        pthread_create(&b, NULL, waiter, NULL);
        pause_ms(3);
        open_gate(gate);
        pthread_join(a, NULL);
        pthread_join(b, NULL);
    }
    say("got %d, none %d", got, none);
    return 0;
}
