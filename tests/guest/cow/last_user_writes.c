// After the child is gone the parent writes its page; after the parent is gone the orphan writes its own.
#include "guest.h"
int main(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    char *p = mmap(NULL, 64 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 64; i++)
        p[i << 12] = 1;
    for (int round = 0; round < 10; round++) {
        pid_t pid = spawn();
        if (pid == 0) {
            int sum = 0;
            for (int i = 0; i < 64; i++)
                sum += p[i << 12];
            _exit(sum & 0xff);
        }
        int status;
        waitpid(pid, &status, 0);
        for (int i = 0; i < 64; i += 2)
            p[i << 12]++;
        say("round %d: %d", round, WEXITSTATUS(status));
    }
    pid_t middle = spawn();
    if (middle == 0) {
        pid_t mine = getpid();
        if (spawn() == 0) {
            while (getppid() == mine)
                pause_ms(1);
            int sum = 0;
            for (int i = 0; i < 64; i++)
                sum += ++p[i << 12];
            say("orphan %d", sum);
            _exit(0);
        }
        p[0] = 100;
        _exit(0);
    }
    waitpid(middle, NULL, 0);
    wait(NULL);
    say("parent %d", p[0]);
    return 0;
}
