// CLONE_NEWNET: a loopback device of its own that is down, and AF_UNIX names of its own; paths are no such names.
// needs: root
#include "ns.h"
#include <net/if.h>
#include <sys/socket.h>
#include <sys/un.h>
static int request(int fd, unsigned long cmd, const char *name, struct ifreq *req)
{
    if (name)
        snprintf(req->ifr_name, IFNAMSIZ, "%s", name);
    return ioctl(fd, cmd, req);
}
static void device(int fd, const char *when)
{
    struct ifreq req = { 0 };
    TRYAS(when, request(fd, SIOCGIFFLAGS, "lo", &req));
    say("flags %#x", req.ifr_flags & 0xffff);
    memset(&req, 0, sizeof req);
    MUST(request(fd, SIOCGIFINDEX, "lo", &req));
    say("index %d", req.ifr_ifindex);
    MUST(request(fd, SIOCGIFMTU, "lo", &req));
    say("mtu %d", req.ifr_mtu);
    MUST(request(fd, SIOCGIFHWADDR, "lo", &req));
    say("hardware %d", req.ifr_hwaddr.sa_family);
    MUST(request(fd, SIOCGIFTXQLEN, "lo", &req));
    say("queue %d", req.ifr_qlen);
}
static socklen_t address(struct sockaddr_un *addr, const char *name)
{
    *addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
    strcpy(addr->sun_path + (*name == '@'), name + (*name == '@'));
    return offsetof(struct sockaddr_un, sun_path) + strlen(name);
}
static int bound(const char *name)
{
    struct sockaddr_un addr = { 0 };
    int fd = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
    TRYAS(name, bind(fd, (void *)&addr, address(&addr, name)));
    return fd;
}
static void reach(int fd, const char *name)
{
    struct sockaddr_un addr = { 0 };
    TRYAS(name, connect(fd, (void *)&addr, address(&addr, name)));
}
int main(void)
{
    char dir[] = "/tmp/nsXXXXXX";
    MUST(mkdtemp(dir) ? 0 : -1);
    MUST(chdir(dir));
    MUST(sys_unshare(CLONE_NEWNET)); /* away from the devices of the machine that runs this */
    say("%s", get_file("/proc/net/dev"));
    int old = MUST(ns_open("net"));
    int before = bound("@name"), path = bound("path");
    device(before, "first namespace");
    struct ifreq req = { 0 };
    TRYAS("no such device", request(before, SIOCGIFFLAGS, "eth7", &req));
    req.ifr_ifindex = 1;
    TRYAS("name of 1", request(before, SIOCGIFNAME, 0, &req));
    say("%s", req.ifr_name);
    req.ifr_ifindex = 9;
    TRYAS("name of 9", request(before, SIOCGIFNAME, 0, &req));
    struct ifconf conf = { sizeof req, { (void *)&req } };
    TRYAS("SIOCGIFCONF", ioctl(before, SIOCGIFCONF, &conf));
    say("addresses %d", conf.ifc_len);
    TRYAS("other request", ioctl(before, 0x1234, &req));
    req.ifr_flags = IFF_UP;
    TRYAS("up", request(before, SIOCSIFFLAGS, "lo", &req));
    device(before, "is up");
    pid_t pid = MUST(sys_clone(CLONE_NEWNET));
    if (pid == 0) {
        say("another %d", ns_ino("net") != fd_ino(old));
        int fd = bound("@name");
        device(fd, "new namespace");
        device(before, "a socket stays in its own");
        bound("@only-here");
        int client = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
        reach(client, "path");
        reach(client, "@name");
        TRYAS("enter the old one", sys_setns(old, CLONE_NEWNET));
        reach(client, "@only-here");
        int other = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
        reach(other, "@only-here");
        reach(other, "@name");
        say("listed: name %d only-here %d", !!strstr(get_file("/proc/net/unix"), "@name"),
            !!strstr(get_file("/proc/net/unix"), "@only-here"));
        _exit(0);
    }
    reap(pid, "child");
    pid = spawn();
    if (pid == 0) {
        TRYAS("taken", (bound("@name"), 0));
        TRYAS("user and net", sys_unshare(CLONE_NEWUSER | CLONE_NEWNET));
        int fd = bound("@name");
        req.ifr_flags = IFF_UP;
        TRYAS("up, in my own", request(fd, SIOCSIFFLAGS, "lo", &req));
        req.ifr_flags = 0;
        TRYAS("down, in the parent's", request(before, SIOCSIFFLAGS, "lo", &req));
        req.ifr_mtu = 1500;
        TRYAS("mtu", request(fd, SIOCSIFMTU, "lo", &req));
        device(fd, "mine");
        TRYAS("back", sys_setns(old, 0));
        _exit(0);
    }
    reap(pid, "user");
    close(path);
    unlink("path");
    chdir("/");
    rmdir(dir);
    return 0;
}
