// select and pselect6: sets in and out, the time left, bad descriptors, the mask.
#include "guest.h"
#include <sys/select.h>
static volatile sig_atomic_t count;
static void handler(int number) { (void)number; count++; }
int main(void)
{
    int a[2], b[2];
    MUST(pipe(a));
    MUST(pipe(b));
    fd_set r, w;
    FD_ZERO(&r); FD_ZERO(&w);
    FD_SET(a[0], &r); FD_SET(b[0], &r); FD_SET(b[1], &w);
    struct timeval zero = { 0, 0 };
    write(a[1], "x", 1);
    int n = select(b[1] + 1, &r, &w, NULL, &zero);
    say("%d: %d %d %d", n, !!FD_ISSET(a[0], &r), !!FD_ISSET(b[0], &r), !!FD_ISSET(b[1], &w));
    FD_ZERO(&r); FD_SET(b[0], &r);
    struct timeval some = { 0, 20000 };
    n = select(b[0] + 1, &r, NULL, NULL, &some);
    say("timeout %d, set empty %d", n, !FD_ISSET(b[0], &r));
    FD_ZERO(&r); FD_SET(40, &r);
    TRY(select(41, &r, NULL, NULL, &zero));
    TRYAS("negative", syscall(SYS_select, -1, NULL, NULL, NULL, &zero));
    struct timeval bad = { -1, 0 };
    TRY(select(0, NULL, NULL, NULL, &bad));
    on_signal(SIGUSR1, handler, 0);
    sigset_t old = block(SIGSET(SIGUSR1));
    raise(SIGUSR1);
    struct timespec ts = { 10, 0 };
    FD_ZERO(&r); FD_SET(b[0], &r);
    say("blocked: %d", (int)count);
    TRY(pselect(b[0] + 1, &r, NULL, NULL, &ts, &old));
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    say("handler %d, mask back %d", (int)count, sigismember(&now, SIGUSR1));
    raise(SIGUSR1);
    struct pollfd p = { .fd = a[0], .events = POLLIN };
    n = ppoll(&p, 1, &ts, &old);
    say("ready and pending: %d, handler %d", n, (int)count);
    return 0;
}
