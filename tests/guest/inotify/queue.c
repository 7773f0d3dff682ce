// The queue: equal events become one, sizes, short buffers, waiting, overflow.
// timeout: 60
#include "inotify.h"
#include <sys/epoll.h>
#include <sys/ioctl.h>
static int queued(int in)
{
    int n = -1;
    ioctl(in, FIONREAD, &n);
    return n;
}
int main(void)
{
    int in = MUST(inotify_init1(IN_NONBLOCK));
    mkdir("d", 0755);
    char buf[4096], name[64] = "d/";
    inotify_add_watch(in, "d", IN_CREATE | IN_ATTRIB | IN_MODIFY | IN_DELETE);
    TRYAS("empty", read(in, buf, sizeof buf));
    TRYAS("empty, no room", read(in, buf, 0));
    int f = open("d/f", O_CREAT | O_RDWR, 0600);
    say("created: %d", queued(in));
    for (int i = 0; i < 5; i++)
        write(f, "x", 1);
    say("five writes are one: %d", queued(in));
    fchmod(f, 0600), write(f, "x", 1), fchmod(f, 0600);
    say("but not with others between: %d", queued(in));
    events(in, "all");
    for (int length = 14; length <= 18; length++) {
        memset(name + 2, 'n', length);
        name[2 + length] = 0;
        mkdir(name, 0755), rmdir(name);
        say("name of %d: %d", length, queued(in));
        events(in, NULL);
    }
    mkdir("d/one", 0755), mkdir("d/two", 0755);
    TRYAS("too small for any", read(in, buf, 31));
    say("first alone %zd", read(in, buf, 63));
    TRYAS("bad address", read(in, (void *)8, 100));
    say("lost: %d", queued(in));
    mkdir("d/three", 0755), mkdir("d/four", 0755);
    char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(edge + 4096, 4096, PROT_NONE);
    say("lseek %d", (int)lseek(in, 5, SEEK_SET));
    TRYAS("pread", pread(in, buf, 100, 0));
    TRYAS("write", write(in, buf, 100));
    events(in, "rest");
    /* waiting */
    struct pollfd p = { in, POLLIN | POLLOUT, 0 };
    say("poll %d", poll(&p, 1, 0));
    int ep = epoll_create1(0);
    struct epoll_event e = { EPOLLIN | EPOLLET, { 0 } };
    epoll_ctl(ep, EPOLL_CTL_ADD, in, &e);
    rmdir("d/one");
    say("poll %d %x", poll(&p, 1, 0), p.revents);
    say("epoll %d %d", epoll_wait(ep, &e, 1, 0), epoll_wait(ep, &e, 1, 0));
    rmdir("d/two");
    say("edge again %d", epoll_wait(ep, &e, 1, 0));
    events(in, NULL);
    fcntl(in, F_SETFL, 0);
    pid_t pid = spawn();
    if (!pid) {
        ssize_t n = read(in, buf, sizeof buf);
        struct inotify_event *event = (void *)buf;
        say("woken by %zd bytes: %s %s", n, event_text(event->mask), event->name);
        _exit(0);
    }
    until_state(pid, 'S');
    rmdir("d/three");
    reap(pid, "reader");
    fcntl(in, F_SETFL, O_NONBLOCK);
    /* too many */
    int limit = 0;
    FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    fscanf(file, "%d", &limit);
    fclose(file);
    say("limit %d", limit);
    inotify_add_watch(in, "d/f", IN_ATTRIB);
    for (int i = 0; i < limit / 2 + 10; i++)
        fchmod(f, 0600);
    say("one for the directory, one for the file, and so on: %d", queued(in) == limit * 16 + limit / 2 * 16 + 16);
    int count = 0, last = 0, wd = 0;
    ssize_t n;
    while ((n = read(in, buf, sizeof buf)) > 0)
        for (char *at = buf; at < buf + n; count++) {
            struct inotify_event *event = (void *)at;
            last = event->mask, wd = event->wd;
            at += sizeof *event + event->len;
        }
    say("%d over the limit, last %s of %d", count - limit, event_text(last), wd);
    fchmod(f, 0600);
    events(in, "goes on");
    return 0;
}
