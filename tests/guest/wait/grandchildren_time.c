// Times of a grandchild count once its parent has waited for it and has been waited for itself.
#include "guest.h"
int main(void)
{
    for (int waits = 1; waits >= 0; waits--) {
        long before = cpu_us(RUSAGE_CHILDREN);
        pid_t pid = spawn();
        if (pid == 0) {
            pid_t grandchild = spawn();
            if (grandchild == 0) {
                burn_ms(30);
                _exit(0);
            }
            if (waits)
                waitpid(grandchild, NULL, 0);
            else
                until_state(grandchild, 'Z');
            _exit(0);
        }
        waitpid(pid, NULL, 0);
        say("grandchild waited for %d: its time counts %d", waits, cpu_us(RUSAGE_CHILDREN) - before >= 29000);
    }
    return 0;
}
