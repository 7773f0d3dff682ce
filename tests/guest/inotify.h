/* Reading inotify events as text. */
#ifndef INOTIFY_H
#define INOTIFY_H
#include "guest.h"
#include <sys/inotify.h>
static const char *event_text(uint32_t mask)
{
    static const struct { uint32_t bit; const char *name; } names[] = {
        { IN_ACCESS, "ACCESS" }, { IN_MODIFY, "MODIFY" }, { IN_ATTRIB, "ATTRIB" }, { IN_CLOSE_WRITE, "CLOSE_WRITE" },
        { IN_CLOSE_NOWRITE, "CLOSE_NOWRITE" }, { IN_OPEN, "OPEN" }, { IN_MOVED_FROM, "MOVED_FROM" },
        { IN_MOVED_TO, "MOVED_TO" }, { IN_CREATE, "CREATE" }, { IN_DELETE, "DELETE" }, { IN_DELETE_SELF, "DELETE_SELF" },
        { IN_MOVE_SELF, "MOVE_SELF" }, { IN_UNMOUNT, "UNMOUNT" }, { IN_Q_OVERFLOW, "Q_OVERFLOW" },
        { IN_IGNORED, "IGNORED" }, { IN_ISDIR, "ISDIR" },
    };
    static char text[128];
    text[0] = 0;
    for (int i = 0; i < NELEM(names); i++)
        if (mask & names[i].bit)
            strcat(strcat(text, text[0] ? "|" : ""), names[i].name), mask &= ~names[i].bit;
    if (mask)
        sprintf(text + strlen(text), "+%x", mask);
    return text;
}
/* Print all events that wait; cookies count from the first one seen. */
static inline int events(int fd, const char *what)
{
    static uint32_t first;
    char buf[32768] __attribute__((aligned(8)));
    ssize_t n;
    int count = 0;
    if (what)
        say("-- %s", what);
    while ((n = read(fd, buf, sizeof buf)) > 0)
        for (char *p = buf; p < buf + n; count++) {
            struct inotify_event *e = (void *)p;
            if (e->cookie && !first)
                first = e->cookie;
            if (what)
                say("%d %s%s%s%s", e->wd, event_text(e->mask), e->len ? " " : "", e->len ? e->name : "",
                    e->cookie ? " *" : "");
            p += sizeof *e + e->len;
        }
    return count;
}
#endif
