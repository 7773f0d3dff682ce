// Which si_codes rt_sigqueueinfo takes, for others and for oneself, and what of a siginfo_t arrives.
#include "guest.h"
static const int codes[] = { 0, 1, 5, 6, 7, 9, 0x7f, 0x80, 0x81, -1, -2, -3, -4, -5, -6, -7, -8, -60, -61, -100 };
static const char *queue(pid_t pid, int number, int code, int tail)
{
    static char text[64];
    char info[128] = { 0 };
    memcpy(info + 8, &code, 4);
    if (tail)
        info[tail] = 1;
    long all = syscall(SYS_rt_sigqueueinfo, pid, number, info);
    snprintf(text, sizeof text, "%s", outcome(all));
    snprintf(text + strlen(text), 32, " %s", outcome(syscall(SYS_rt_tgsigqueueinfo, pid, pid, number, info)));
    return text;
}
int main(void)
{
    sigset_t all;
    sigfillset(&all);
    block(all);
    for (int i = 0; i < NELEM(codes); i++)
        for (int tail = 0; tail <= 100; tail += tail ? 60 : 40) {
            int number = i % 2 ? SIGUSR1 : SIGSEGV;
            say("code %d tail %d: parent %s", codes[i], tail, queue(getppid(), 0, codes[i], tail));
            say("code %d tail %d: self %s", codes[i], tail, queue(getpid(), number, codes[i], tail));
        }
    char info[128];
    struct timespec now = { 0, 0 };
    unsigned long every = -1;
    long taken;
    while ((taken = syscall(SYS_rt_sigtimedwait, &every, info, &now, 8)) > 0) {
    }
    memset(info, 'x', sizeof info);
    memcpy(info + 8, &(int){ SI_QUEUE }, 4);
    TRY(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR2, info));
    memset(info, 0, sizeof info);
    taken = syscall(SYS_rt_sigtimedwait, &every, info, &now, 8);
    say("took %s: %s", sig(taken), err(taken == -1 ? errno : 0));
    for (int at = 0; at < 128; at += 16)
        say("%d: %02x%02x%02x%02x %02x", at, info[at] & 255, info[at + 4] & 255, info[at + 8] & 255, info[at + 12] & 255, info[at + 15] & 255);
    TRY(syscall(SYS_rt_sigqueueinfo, getpid(), 99, info));
    TRY(syscall(SYS_rt_sigqueueinfo, -1, 0, info));
    TRY(syscall(SYS_rt_sigqueueinfo, getpid(), 0, (void *)8));
    TRY(syscall(SYS_rt_tgsigqueueinfo, 0, 0, 0, info));
    return 0;
}
