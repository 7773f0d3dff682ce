// vfork copies descriptors and handlers, though memory is shared.
#include "guest.h"
static volatile int calls;
static void handler(int number) { calls += number != 0; }
int main(void)
{
    on_signal(SIGUSR1, handler, 0);
    pid_t pid = vfork();
    if (pid == 0) {
        struct sigaction dfl = { .sa_handler = SIG_DFL };
        sigaction(SIGUSR1, &dfl, NULL);
        close(0);
        umask(0);
        chdir("/");
        _exit(0);
    }
    reap(pid, "child");
    raise(SIGUSR1);
    say("handler ran %d, stdin open %d, umask kept %d", calls, fcntl(0, F_GETFD) != -1, umask(022) != 0);
    return 0;
}
