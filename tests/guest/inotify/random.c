// Random calls on a small tree that three instances watch: every event is printed.
// timeout: 60
#include "inotify.h"
static uint64_t seed = 1181783497276652981ULL;
static unsigned rnd(unsigned below)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (seed >> 20) % below;
}
static const char *names[] = { "a", "b", "c", "d1", "d1/a", "d1/b", "d2", "d2/a", "d2/d3", "d2/d3/x", "d2/d3/y" };
static const char *any(void) { return names[rnd(NELEM(names))]; }
int main(void)
{
    int in[3], fds[6];
    char buf[64], what[200];
    for (int i = 0; i < 3; i++)
        in[i] = MUST(inotify_init1(IN_NONBLOCK));
    for (int i = 0; i < 6; i++)
        fds[i] = -1;
    mkdir("r", 0755);
    chdir("r");
    mkdir("d1", 0755), mkdir("d2", 0755), mkdir("d2/d3", 0755);
    for (int step = 0; step < 600; step++) {
        const char *one = any(), *two = any();
        int slot = rnd(6), op = rnd(20), result = 0;
        errno = 0;
        switch (op) {
        case 0:
        case 1:
        case 2: {
            static const uint32_t flags[] = { 0, 0, 0, IN_ONESHOT, IN_MASK_ADD, IN_EXCL_UNLINK, IN_ONLYDIR };
            uint32_t mask = (rnd(3) ? IN_ALL_EVENTS : rnd(4096)) | flags[rnd(NELEM(flags))];
            result = inotify_add_watch(in[rnd(3)], one, mask);
            break;
        }
        case 3:
            result = inotify_rm_watch(in[rnd(3)], 1 + rnd(12));
            break;
        case 4:
        case 5:
        case 6:
            if (fds[slot] != -1)
                close(fds[slot]);
            fds[slot] = open(one, rnd(2) ? O_RDWR | O_CREAT : rnd(2) ? O_RDONLY : O_RDWR | O_TRUNC, 0644);
            result = fds[slot] != -1;
            break;
        case 7:
            result = write(fds[slot], "some text", rnd(9));
            break;
        case 8:
            result = pread(fds[slot], buf, 5, 0);
            break;
        case 9:
            result = unlink(one);
            break;
        case 10:
            result = rmdir(one);
            break;
        case 11:
        case 12:
            result = mkdir(one, 0755);
            break;
        case 13:
        case 14:
            result = rename(one, two);
            break;
        case 15:
            result = link(one, two);
            break;
        case 16:
            result = chmod(one, 0700);
            break;
        case 17:
            result = truncate(one, rnd(100));
            break;
        case 18:
            result = symlink("a", one);
            break;
        case 19:
            result = syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, two, rnd(2) ? 2 : 1);
            break;
        }
        snprintf(what, sizeof what, "%d: op %d %s %s: %d %s", step, op, one, two, result, result == -1 ? err(errno) : "");
        say("%s", what);
        for (int i = 0; i < 3; i++)
            if (rnd(3))
                events(in[i], "");
    }
    return 0;
}
