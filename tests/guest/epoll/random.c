// Random epoll_ctl, epoll_wait, reads, writes and closes on pipes, eventfds and sockets in four sets, some of them nested.
// timeout: 60
#include "guest.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
static uint64_t seed = 1442695040888963407ULL;
static unsigned rnd(unsigned below)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (seed >> 20) % below;
}
#define SETS 4
/* descriptors by slot: 0-3 sets, 4-9 pipes, 10-12 eventfds, 13-18 sockets, 19-23 duplicates */
#define SLOTS 24
static int fds[SLOTS];
static char buf[70000];
static void fresh(int slot)
{
    int pair[2];
    if (slot < SETS) {
        fds[slot] = MUST(epoll_create1(0));
    } else if (slot < 10) {
        slot = slot & ~1;
        if (fds[slot] == -1 && fds[slot + 1] == -1) {
            MUST(pipe2(pair, O_NONBLOCK));
            fds[slot] = pair[0], fds[slot + 1] = pair[1];
        }
    } else if (slot < 13) {
        fds[slot] = MUST(eventfd(0, EFD_NONBLOCK | (slot == 12 ? EFD_SEMAPHORE : 0)));
    } else if (slot < 19) {
        slot = 13 + ((slot - 13) & ~1);
        if (fds[slot] == -1 && fds[slot + 1] == -1) {
            MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair));
            fds[slot] = pair[0], fds[slot + 1] = pair[1];
        }
    }
}
static int wait_set(int set, char *line)
{
    struct epoll_event e[40];
    int max = rnd(4) ? 40 : 1 + rnd(3), n = epoll_wait(fds[set], e, max, 0);
    char *at = line + sprintf(line, " set %d:", set);
    for (int i = 0; i < n; i++)
        at += sprintf(at, " %u=%x", e[i].data.u32, e[i].events);
    return at - line;
}
int main(int argc, char **argv)
{
    if (argc > 1)
        seed = strtoull(argv[1], NULL, 10);
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < SLOTS; i++)
        fds[i] = -1;
    for (int i = 0; i < 19; i++)
        if (fds[i] == -1)
            fresh(i);
    for (int step = 0; step < 2500; step++) {
        char line[4000], *at = line;
        int op = rnd(24), slot = SETS + rnd(SLOTS - SETS), set = rnd(SETS), result = 0;
        uint64_t value = 1 + rnd(3);
        errno = 0;
        if (op < 6) {
            static const uint32_t extra[] = { 0, 0, 0, EPOLLET, EPOLLET, EPOLLONESHOT, EPOLLONESHOT | EPOLLET, EPOLLRDHUP, EPOLLEXCLUSIVE, EPOLLWAKEUP };
            static const uint32_t want[] = { EPOLLIN, EPOLLIN, EPOLLOUT, EPOLLIN | EPOLLOUT, 0, EPOLLPRI, EPOLLIN | EPOLLRDNORM };
            struct epoll_event e = { want[rnd(NELEM(want))] | extra[rnd(NELEM(extra))], { .u32 = slot } };
            int ctl = op < 4 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
            if (rnd(6) == 0)
                slot = e.data.u32 = rnd(SETS);
            result = epoll_ctl(fds[set], ctl, fds[slot], &e);
            at += sprintf(at, "%d: %s %d to %d %x: %s", step, op < 4 ? "add" : "mod", slot, set, e.events, result ? err(errno) : "ok");
        } else if (op == 6) {
            result = epoll_ctl(fds[set], EPOLL_CTL_DEL, fds[slot], NULL);
            at += sprintf(at, "%d: del %d from %d: %s", step, slot, set, result ? err(errno) : "ok");
        } else if (op < 12) {
            size_t n = slot >= 10 && slot < 13 ? 8 : rnd(8) ? 1 + rnd(3000) : 65536;
            memcpy(buf, &value, 8);
            result = write(fds[slot], buf, n);
            at += sprintf(at, "%d: write %d to %d: %d %s", step, (int)n, slot, result, result < 0 ? err(errno) : "");
        } else if (op < 16) {
            size_t n = slot >= 10 && slot < 13 ? 8 : rnd(3) ? sizeof buf : 1 + rnd(3000);
            result = read(fds[slot], buf, n);
            at += sprintf(at, "%d: read %d from %d: %d %s", step, (int)n, slot, result, result < 0 ? err(errno) : "");
        } else if (op == 16 && rnd(3) == 0) {
            result = close(fds[slot]);
            fds[slot] = -1;
            at += sprintf(at, "%d: close %d: %d", step, slot, result);
        } else if (op == 17) {
            int copy = 19 + rnd(5), from = SETS + rnd(15);
            if (fds[copy] != -1)
                close(fds[copy]);
            fds[copy] = dup(fds[from]);
            at += sprintf(at, "%d: %d is a copy of %d: %d", step, copy, from, fds[copy] != -1);
        } else if (op == 18) {
            if (fds[slot] == -1 && slot < 19)
                fresh(slot);
            at += sprintf(at, "%d: fresh %d", step, slot);
        } else if (op == 19 && rnd(2) && slot >= 13 && slot < 19) {
            result = shutdown(fds[slot], rnd(3));
            at += sprintf(at, "%d: shutdown %d: %s", step, slot, result ? err(errno) : "ok");
        } else if (op == 20 && rnd(12) == 0) {
            close(fds[set]);
            fds[set] = -1, fresh(set);
            at += sprintf(at, "%d: new set %d", step, set);
        } else {
            at += sprintf(at, "%d:", step);
            at += wait_set(set, at);
            if (rnd(2)) {
                struct pollfd p = { fds[rnd(SETS)], POLLIN, 0 };
                poll(&p, 1, 0);
                at += sprintf(at, " poll %x", p.revents);
            }
        }
        say("%s", line);
    }
    return 0;
}
