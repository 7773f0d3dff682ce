// epoll: level, edge, one-shot; data; add, modify, delete; errors.
#include "guest.h"
#include <sys/epoll.h>
static int ep;
static void show(const char *what)
{
    struct epoll_event e[4];
    int n = epoll_wait(ep, e, 4, 0);
    char line[128] = "";
    for (int i = 0; i < n; i++)
        snprintf(line + strlen(line), 60, " [%d %#x]", (int)e[i].data.u64, e[i].events);
    say("%s: %d%s", what, n, line);
}
int main(void)
{
    int a[2];
    MUST(pipe(a));
    ep = MUST(epoll_create1(EPOLL_CLOEXEC));
    struct epoll_event e = { .events = EPOLLIN, .data.u64 = 7 };
    TRY(epoll_ctl(ep, EPOLL_CTL_ADD, a[0], &e));
    show("empty");
    write(a[1], "xy", 2);
    show("level"), show("level again");
    e.events = EPOLLIN | EPOLLET, e.data.u64 = 8;
    TRY(epoll_ctl(ep, EPOLL_CTL_MOD, a[0], &e));
    show("edge"), show("edge again");
    write(a[1], "z", 1);
    show("edge after a write");
    e.events = EPOLLIN | EPOLLONESHOT, e.data.u64 = 9;
    TRY(epoll_ctl(ep, EPOLL_CTL_MOD, a[0], &e));
    show("one shot"), show("one shot again");
    TRY(epoll_ctl(ep, EPOLL_CTL_MOD, a[0], &e));
    show("armed again");
    close(a[1]);
    e.events = EPOLLIN;
    epoll_ctl(ep, EPOLL_CTL_MOD, a[0], &e);
    show("hang-up");
    TRY(epoll_ctl(ep, EPOLL_CTL_ADD, a[0], &e));
    TRY(epoll_ctl(ep, EPOLL_CTL_DEL, a[0], NULL));
    TRY(epoll_ctl(ep, EPOLL_CTL_DEL, a[0], NULL));
    TRY(epoll_ctl(ep, EPOLL_CTL_MOD, a[0], &e));
    TRY(epoll_ctl(ep, EPOLL_CTL_ADD, 99, &e));
    TRY(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &e));
    TRY(epoll_ctl(ep, 9, a[0], &e));
    TRY(epoll_ctl(1, EPOLL_CTL_ADD, a[0], &e));
    int file = open("file", O_CREAT | O_RDWR, 0600);
    TRY(epoll_ctl(ep, EPOLL_CTL_ADD, file, &e));
    TRYAS("no events", epoll_wait(ep, &e, 0, 0));
    TRYAS("bad address", syscall(SYS_epoll_ctl, ep, EPOLL_CTL_ADD, a[0], 8));
    TRY(epoll_create1(1));
    TRYAS("epoll_create", syscall(SYS_epoll_create, 0));
    return 0;
}
