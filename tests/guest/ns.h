/* What the namespace tests share. */
#ifndef NS_H
#define NS_H
#include "guest.h"
#include <sys/ioctl.h>
#include <sys/utsname.h>

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#define NS_GET_USERNS 0xb701
#define NS_GET_PARENT 0xb702
#define NS_GET_NSTYPE 0xb703
#define NS_GET_OWNER_UID 0xb704

static inline int ns_open_of(pid_t pid, const char *kind)
{
    char path[64];
    if (pid)
        snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, kind);
    else
        snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
    return open(path, O_RDONLY | O_CLOEXEC);
}
static inline int ns_open(const char *kind) { return ns_open_of(0, kind); }

/* The number of a namespace of this process, by its link. */
static inline ino_t ns_ino(const char *kind)
{
    char path[64], text[64];
    snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
    ssize_t n = readlink(path, text, sizeof text - 1);
    if (n < 0)
        die(path);
    text[n] = 0;
    char *bracket = strchr(text, '[');
    return bracket ? strtoul(bracket + 1, 0, 10) : 0;
}
static inline ino_t fd_ino(int fd)
{
    struct stat st;
    if (fstat(fd, &st))
        die("fstat");
    return st.st_ino;
}
static inline int sys_setns(int fd, int type) { return syscall(SYS_setns, fd, type); }
static inline int sys_unshare(long flags) { return syscall(SYS_unshare, flags); }
/* A child by the plain clone call: a copy of the memory, `flags` beside SIGCHLD. */
static inline pid_t sys_clone(unsigned long flags) { return syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0); }
static inline int put_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    if (fd < 0)
        return -1;
    ssize_t n = write(fd, text, strlen(text));
    int saved = errno;
    close(fd);
    errno = saved;
    return n == (ssize_t)strlen(text) ? 0 : -1;
}
static inline const char *get_file(const char *path)
{
    static char text[4096];
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
        snprintf(text, sizeof text, "<%s>", err(errno));
        return text;
    }
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n < 0 ? 0 : n] = 0;
    close(fd);
    return text;
}
static inline const char *hostname(void)
{
    static struct utsname names;
    uname(&names);
    return names.nodename;
}
#endif
