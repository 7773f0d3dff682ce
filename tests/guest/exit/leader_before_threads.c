// The leader of a group exits first: the process lives on in its threads, its status is set by exit_group or the
// last thread; the parent's wait ends only then.
#include "guest.h"
static int *box;
static void *late(void *argument)
{
    pause_ms(20);
    box[0] = state_of(getpid());
    box[1] = 1;
    if (argument)
        _exit(44);
    syscall(SYS_exit, 55);
    return NULL;
}
int main(void)
{
    box = shared(4096);
    for (int round = 0; round < 2; round++) {
        box[1] = 0;
        pid_t pid = spawn();
        if (pid == 0) {
            pthread_t thread;
            pthread_create(&thread, NULL, late, round ? "" : NULL);
            syscall(SYS_exit, 33);
        }
        pause_ms(5);
        int early = waitpid(pid, NULL, WNOHANG);
        int status;
        waitpid(pid, &status, 0);
        say("early wait %d, leader looked like %c, thread was done %d, %s", early, box[0], box[1], status_text(status));
    }
    return 0;
}
