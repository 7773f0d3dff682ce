// Record locks of fcntl belong to the process and do not pass to the child; flock and OFD locks go with the open file.
#include "guest.h"
static int probe(int fd, int command)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 10 };
    MUST(fcntl(fd, command, &lock));
    return lock.l_type;
}
int main(void)
{
    char name[] = "lock.XXXXXX";
    int fd = MUST(mkstemp(name));
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 10 };
    MUST(fcntl(fd, F_SETLK, &lock));
    pid_t parent = getpid();
    pid_t pid = spawn();
    if (pid == 0) {
        struct flock other = lock;
        MUST(fcntl(fd, F_GETLK, &other));
        say("child is kept out: %d by its parent: %d", other.l_type == F_WRLCK, other.l_pid == parent);
        other = lock;
        TRY(fcntl(fd, F_SETLK, &other));
        _exit(0);
    }
    reap(pid, "child");
    say("no lock of others: %d", probe(fd, F_GETLK) == F_UNLCK);
    unlink(name);

    char second[] = "lock.XXXXXX";
    fd = MUST(mkstemp(second));
    lock.l_pid = 0;
    MUST(fcntl(fd, F_OFD_SETLK, &lock));
    pid = spawn();
    if (pid == 0) {
        struct flock again = lock;
        TRY(fcntl(fd, F_OFD_SETLK, &again));
        int other = MUST(open(second, O_RDWR));
        say("another open file is kept out: %d", probe(other, F_OFD_GETLK) == F_WRLCK);
        _exit(0);
    }
    reap(pid, "child");
    unlink(second);
    return 0;
}
