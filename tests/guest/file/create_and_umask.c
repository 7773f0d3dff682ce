// Modes of what is created: open, mkdir, mknod, mkfifo under umask; O_TRUNC, O_APPEND, O_EXCL.
#include "guest.h"
static void show(const char *name)
{
    struct stat st;
    if (lstat(name, &st) == -1)
        say("%s: %s", name, err(errno));
    else
        say("%s: mode %o links %d size %d own %d", name, st.st_mode, (int)st.st_nlink, (int)st.st_size,
            st.st_uid == geteuid() && st.st_gid == getegid());
}
int main(void)
{
    umask(027);
    close(MUST(open("a", O_CREAT | O_WRONLY, 0666)));
    MUST(mkdir("d", 0777));
    MUST(mkfifo("f", 0666));
    MUST(mknod("n", S_IFREG | 0644, 0));
    MUST(symlink("a", "l"));
    const char *names[] = { "a", "f", "n", "l", "none" };
    for (int i = 0; i < NELEM(names); i++)
        show(names[i]);
    struct stat st;
    stat("d", &st);
    say("d: mode %o", st.st_mode);
    int fd = MUST(open("a", O_WRONLY));
    write(fd, "0123456789", 10);
    int again = MUST(open("a", O_WRONLY | O_APPEND));
    lseek(again, 0, SEEK_SET);
    write(again, "ab", 2);
    show("a");
    say("offset after append %d", (int)lseek(again, 0, SEEK_CUR));
    close(MUST(open("a", O_WRONLY | O_TRUNC)));
    show("a");
    write(fd, "x", 1);
    show("a");
    TRY(fchmod(fd, 04711));
    show("a");
    TRY(chmod("none", 0));
    TRY(mkdir("d", 0777));
    TRY(rmdir("a"));
    TRY(unlink("d"));
    return 0;
}
