/* What the mount tests share: a directory of their own with nothing of the host's in it, and its mounts in order. */
#ifndef MNT_H
#define MNT_H
#include "ns.h"
#include <sys/mount.h>
#ifndef MS_REC
#define MS_REC 16384
#endif
static char base[64] = "/tmp/mntXXXXXX";
/* A mount namespace whose mounts are private, and a tmpfs in it to work on; the current directory is there. */
static inline void start_mounts(void)
{
    MUST(mkdtemp(base) ? 0 : -1);
    MUST(sys_unshare(CLONE_NEWNS));
    MUST(mount("none", "/", 0, MS_REC | MS_PRIVATE, 0));
    MUST(mount("top", base, "tmpfs", 0, "mode=755"));
    MUST(chdir(base));
}
static inline void end_mounts(void)
{
    chdir("/");
    umount2(base, MNT_DETACH);
    rmdir(base);
}
static inline int tag_number(const char *text)
{
    static char known[64][16];
    char word[16];
    snprintf(word, sizeof word, "%.*s", (int)strspn(text, "0123456789"), text);
    for (int i = 0; i < 64; i++) {
        if (!known[i][0])
            strcpy(known[i], word);
        if (!strcmp(known[i], word))
            return i + 1;
    }
    return 0;
}
static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
/* The mounts below the directory: place, root, options, propagation (groups numbered as they first appear), source. */
static inline void show_mounts(const char *when)
{
    static char text[1 << 16], *lines[256];
    int fd = MUST(open("/proc/self/mountinfo", O_RDONLY)), count = 0;
    ssize_t size = 0, n;
    while ((n = read(fd, text + size, sizeof text - 1 - size)) > 0)
        size += n;
    text[size] = 0;
    close(fd);
    say("%s:", when);
    for (char *line = strtok(text, "\n"); line; line = strtok(0, "\n")) {
        char root[128], place[256], options[128];
        int at;
        if (sscanf(line, "%*d %*d %*s %127s %255s %127s%n", root, place, options, &at) != 3)
            die("mountinfo");
        if (strncmp(place, base, strlen(base)))
            continue;
        char *out = lines[count++] = malloc(512);
        out += sprintf(out, "  %s %s %s", place + strlen(base), root, options);
        char *rest = line + at;
        while (strncmp(rest, " - ", 3)) {
            int length = strcspn(rest + 1, " ") + 1;
            out += sprintf(out, "%.*s", length, rest);
            rest += length;
        }
        char type[32], source[64];
        sscanf(rest, " - %31s %63s", type, source);
        sprintf(out, " %s %s", type, source);
    }
    qsort(lines, count, sizeof *lines, by_text);
    for (int i = 0; i < count; i++) {
        char out[512], *to = out;
        for (char *from = lines[i]; *from;) {
            *to++ = *from++;
            if (from[-1] == ':' && *from >= '0' && *from <= '9') {
                to += sprintf(to, "%d", tag_number(from));
                from += strspn(from, "0123456789");
            }
        }
        *to = 0;
        say("%s", out);
        free(lines[i]);
    }
}
#endif
