// Real-time signals queue, each with its value, lowest number first; standard signals merge.
#include "guest.h"
static void handler(int number, siginfo_t *info, void *context)
{
    (void)context;
    say("%s value %d code %d", sig(number), info->si_value.sival_int, info->si_code == SI_QUEUE);
}
int main(void)
{
    const int numbers[] = { SIGUSR1, SIGRTMIN + 1, SIGRTMIN, SIGRTMIN + 2 };
    sigset_t all, old;
    sigfillset(&all);
    for (int i = 0; i < NELEM(numbers); i++) {
        struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO, .sa_mask = all };
        sigaction(numbers[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &all, &old);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < NELEM(numbers); j++) {
            union sigval value = { .sival_int = i * 10 + j };
            TRYAS("sigqueue", sigqueue(getpid(), numbers[j], value));
        }
    set_mask(old);
    return 0;
}
