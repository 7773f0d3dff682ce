// RLIMIT_CPU: SIGXCPU at the soft limit, SIGKILL at the hard one.
#include "guest.h"
static volatile sig_atomic_t count;
static void handler(int number) { (void)number; count++; }
int main(void)
{
    int *box = shared(4096);
    pid_t pid = spawn();
    if (pid == 0) {
        struct rlimit limit = { 1, 2 };
        MUST(setrlimit(RLIMIT_CPU, &limit));
        on_signal(SIGXCPU, handler, 0);
        for (;;) {
            box[0] = count;
        }
    }
    reap(pid, "child");
    say("XCPU came: %d", box[0] >= 1);
    return 0;
}
