// timeout: 60
/* What stress-ng's fd-fork stressor does (Debian 12's stress-ng has none): a process with all the descriptors that its
 * limit allows forks; each child has the same, closes some and all of them, and the parent keeps its own. Ten times. */
#include "guest.h"
enum { ROUNDS = 10 };
static int limit;
static int open_count(void)
{
    int count = 0;
    for (int fd = 0; fd < limit; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}
static void fill(int round)
{
    int fd, null = MUST(open("/dev/null", O_RDWR)), ends[2];
    MUST(pipe(ends));
    while ((fd = dup(round % 2 ? null : ends[1])) >= 0)
        if (fd % 3 == 0)
            fcntl(fd, F_SETFD, FD_CLOEXEC);
}
static void child(int round)
{
    int before = open_count(), low = 3 + round * 7, high = limit - 1 - round * 11;
    if (dup(0) != -1 || errno != EMFILE)
        _exit(1);
    if (syscall(SYS_close_range, low, high, 0))
        _exit(2);
    if (open_count() != before - (high - low + 1))
        _exit(3);
    if (round % 2)
        for (int fd = 3; fd < limit; fd++)
            close(fd);
    _exit(round % 2 && open_count() != 3 ? 4 : 0);
}
int main(void)
{
    struct rlimit most = { 1024, 1024 };
    MUST(setrlimit(RLIMIT_NOFILE, &most));
    limit = 1024;
    syscall(SYS_close_range, 3, ~0U, 0);
    for (int round = 0; round < ROUNDS; round++) {
        int status;
        fill(round);
        pid_t pid = MUST(fork());
        if (pid == 0)
            child(round);
        MUST(waitpid(pid, &status, 0));
        int kept = open_count();
        MUST(syscall(SYS_close_range, 3, ~0U, 0));
        say("round %d: child %d, the parent kept %d, then %d", round, WEXITSTATUS(status), kept, open_count());
    }
    return 0;
}
