// A hundred children at once, each with its own exit status and PID.
#include "guest.h"
int main(void)
{
    enum { N = 100 };
    pid_t pids[N];
    struct gate gate = new_gate();
    for (int i = 0; i < N; i++) {
        pids[i] = spawn();
        if (pids[i] == 0) {
            pass_gate(gate);
            _exit(i);
        }
    }
    int distinct = 1, right = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < i; j++)
            distinct &= pids[i] != pids[j];
    for (int i = 0; i < N; i++)
        open_gate(gate);
    for (int i = 0; i < N; i++) {
        int status;
        pid_t pid = wait(&status);
        for (int j = 0; j < N; j++)
            right += pids[j] == pid && status_text(status) && WEXITSTATUS(status) == j;
    }
    say("distinct %d, right %d, then %s", distinct, right, outcome(wait(NULL)));
    return 0;
}
