// alarm: seconds left of the one before, 0 cancels, the signal comes.
#include "guest.h"
int main(void)
{
    say("none before: %u", alarm(100));
    say("one before: %u", alarm(50));
    say("cancelled: %u", alarm(0));
    say("none: %u", alarm(0));
    pid_t pid = spawn();
    if (pid == 0) {
        alarm(1);
        for (;;)
            pause();
    }
    reap(pid, "child");
    return 0;
}
