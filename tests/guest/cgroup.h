/* Control groups for the guest programs: a cgroup2 of their own mounted in the working directory, and in it one group
 * for all that the program does. */
#ifndef CGROUP_H
#define CGROUP_H
#include "guest.h"
#include <sys/mount.h>
static char top[64], home[512];
static inline const char *in(const char *group, const char *file)
{
    static char path[4][512];
    static int n;
    char *p = path[n++ % 4];
    snprintf(p, 512, "%s%s%s%s%s", top, *group ? "/" : "", group, *file ? "/" : "", file);
    return p;
}
static inline long put(const char *group, const char *file, const char *text)
{
    int fd = open(in(group, file), O_WRONLY);
    if (fd == -1)
        return -1;
    long n = write(fd, text, strlen(text));
    int saved = errno;
    close(fd);
    errno = saved;
    return n;
}
static inline long put_number(const char *group, const char *file, long number)
{
    char text[24];
    snprintf(text, sizeof text, "%ld", number);
    return put(group, file, text);
}
static inline char *get(const char *group, const char *file)
{
    static char text[4096];
    int fd = open(in(group, file), O_RDONLY);
    if (fd == -1)
        return strcpy(text, err(errno));
    ssize_t n = read(fd, text, sizeof text - 1);
    if (n == -1)
        strcpy(text, err(errno));
    else
        text[n] = 0;
    close(fd);
    return text;
}
/* In one line: newlines become blanks. */
static inline const char *line(const char *group, const char *file)
{
    char *text = get(group, file);
    for (char *p = text; *p; p++)
        if (*p == '\n')
            *p = ' ';
    return text;
}
#define SHOW(group, file) say("%s/%s: %s", group, file, line(group, file))
#define PUT(group, file, text) say("%s/%s < %s: %s", group, file, text, outcome(put(group, file, text)))
/* The cgroup2 line of /proc/PID/cgroup. */
static inline const char *group_of(const char *pid)
{
    static char text[8192];
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/cgroup", pid);
    int fd = open(path, O_RDONLY);
    if (fd == -1)
        return err(errno);
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n < 0 ? 0 : n] = 0;
    char *p = strstr(text, "0::");
    if (!p)
        return "none";
    p[strcspn(p, "\n")] = 0;
    char *mine = strstr(p, "/forkernel");
    return mine ? mine : p;
}
static inline int group(const char *name) { return mkdir(in(name, ""), 0755); }
static inline int ungroup(const char *name)
{
    int result = -1;
    for (int i = 0; i < 500; i++) { /* the dead leave a little later than wait says */
        result = rmdir(in(name, ""));
        if (result == 0 || errno != EBUSY)
            break;
        pause_ms(1);
    }
    return result;
}
static inline int open_group(const char *name) { return open(in(name, ""), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }
static inline void until(const char *name, const char *file, const char *text)
{
    for (int i = 0; i < 3000; i++) {
        if (strstr(get(name, file), text))
            return;
        pause_ms(1);
    }
    say("FAILED: %s/%s never says %s", name, file, text);
    _exit(97);
}
static inline void setup(void)
{
    MUST(mkdir("cg", 0755));
    MUST(mount("none", "cg", "cgroup2", 0, NULL));
    snprintf(top, sizeof top, "cg/forkernel%d", (int)getpid());
    if (mkdir(top, 0755) == -1)
        die("mkdir");
}
static inline void cleanup(void)
{
    MUST(put_number("..", "cgroup.procs", 0) == -1 ? -1 : 0);
    say("removed: %s", outcome(ungroup("")));
    say("unmounted: %s", outcome(umount2("cg", MNT_DETACH)));
    rmdir("cg");
}
#endif
