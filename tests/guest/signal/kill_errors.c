// The errnos of kill, tkill, tgkill and sigqueue.
#include "guest.h"
int main(void)
{
    siginfo_t info = { 0 };
    pid_t me = getpid();
    TRY(kill(me, 0));
    TRY(kill(me, -1));
    TRY(kill(me, 65));
    TRY(kill(99999999, 0));
    TRY(kill(99999999, 65));
    TRY(kill(-99999999, 0));
    TRY(kill(INT_MIN, 0));
    TRYAS("tgkill 0 0", syscall(SYS_tgkill, 0, 0, 0));
    TRYAS("tgkill me -1", syscall(SYS_tgkill, me, -1, 0));
    TRYAS("tgkill other group", syscall(SYS_tgkill, 1, me, 0));
    TRYAS("tgkill bad signal", syscall(SYS_tgkill, me, me, 65));
    TRYAS("tkill 0", syscall(SYS_tkill, 0, 0));
    TRYAS("tkill none", syscall(SYS_tkill, 99999999, 0));
    TRYAS("tkill me", syscall(SYS_tkill, me, 0));
    info.si_code = SI_USER;
    TRYAS("queueinfo with SI_USER to itself", syscall(SYS_rt_sigqueueinfo, me, 0, &info));
    TRYAS("queueinfo with SI_USER to another", syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info));
    info.si_code = SI_QUEUE;
    TRYAS("queueinfo", syscall(SYS_rt_sigqueueinfo, me, 0, &info));
    TRYAS("queueinfo bad signal", syscall(SYS_rt_sigqueueinfo, me, 65, &info));
    TRYAS("queueinfo bad address", syscall(SYS_rt_sigqueueinfo, me, 0, 8));
    TRYAS("tgsigqueueinfo bad group", syscall(SYS_rt_tgsigqueueinfo, -1, me, 0, &info));
    return 0;
}
