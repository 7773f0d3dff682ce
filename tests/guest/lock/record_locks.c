// fcntl locks: conflict, split, upgrade, F_GETLK, released by close of any descriptor and by exit; errors.
#include "guest.h"
static struct flock area(int type, int start, int length)
{
    return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length };
}
static const char *set(int fd, int type, int start, int length)
{
    struct flock l = area(type, start, length);
    return outcome(fcntl(fd, F_SETLK, &l));
}
static void probe(const char *when)
{
    pid_t pid = spawn();
    if (pid == 0) {
        int fd = MUST(open("file", O_RDWR));
        char map[11] = "";
        for (int i = 0; i < 10; i++) {
            struct flock l = area(F_WRLCK, i, 1);
            MUST(fcntl(fd, F_GETLK, &l));
            map[i] = l.l_type == F_UNLCK ? '.' : l.l_type == F_RDLCK ? 'r' : 'w';
        }
        say("%s: %s", when, map);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}
int main(void)
{
    int fd = MUST(open("file", O_CREAT | O_RDWR, 0600));
    say("write 2-6: %s", set(fd, F_WRLCK, 2, 5));
    probe("locked");
    say("unlock 4: %s", set(fd, F_UNLCK, 4, 1));
    probe("split");
    say("read 0-2: %s", set(fd, F_RDLCK, 0, 3));
    probe("downgraded");
    pid_t pid = spawn();
    if (pid == 0) {
        int mine = MUST(open("file", O_RDWR));
        say("read beside read: %s", set(mine, F_RDLCK, 0, 2));
        say("write on read: %s", set(mine, F_WRLCK, 0, 1));
        say("to the end: %s", set(mine, F_WRLCK, 7, 0));
        struct flock l = area(F_WRLCK, 0, 0);
        fcntl(mine, F_GETLK, &l);
        say("first conflict at %d length %d by the parent %d", (int)l.l_start, (int)l.l_len, l.l_pid == getppid());
        _exit(0);
    }
    reap(pid, "child");
    say("its locks are gone: %s", set(fd, F_WRLCK, 7, 3));
    int again = MUST(open("file", O_RDONLY));
    close(again);
    probe("after close of another descriptor");
    say("bad type: %s", set(fd, 9, 0, 1));
    say("write lock on read-only: %s", set(open("file", O_RDONLY), F_WRLCK, 0, 1));
    say("read lock on write-only: %s", set(open("file", O_WRONLY), F_RDLCK, 0, 1));
    say("bad descriptor: %s", set(99, F_RDLCK, 0, 1));
    struct flock l = area(F_RDLCK, -5, 1);
    TRY(fcntl(fd, F_SETLK, &l));
    return 0;
}
