// rename, link, symlink, unlink: replacing, refusing, directories, RENAME_NOREPLACE and EXCHANGE.
#include "guest.h"
static void make(const char *name, const char *text)
{
    int fd = MUST(open(name, O_CREAT | O_WRONLY | O_TRUNC, 0644));
    write(fd, text, strlen(text));
    close(fd);
}
static const char *text_of(const char *name)
{
    static char text[2][32];
    static int turn;
    char *t = text[turn ^= 1];
    int fd = open(name, O_RDONLY);
    if (fd == -1)
        return err(errno);
    ssize_t n = read(fd, t, 31);
    close(fd);
    if (n == -1)
        return err(errno);
    t[n] = 0;
    return t;
}
static long rename2(const char *a, const char *b, unsigned flags)
{
    return syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, flags);
}
int main(void)
{
    make("a", "A"), make("b", "B");
    MUST(mkdir("d", 0755)), MUST(mkdir("e", 0755)), MUST(mkdir("d/sub", 0755));
    TRY(rename("a", "c"));
    say("%s %s", text_of("a"), text_of("c"));
    TRY(rename("c", "b"));
    say("%s %s", text_of("b"), text_of("c"));
    TRY(rename("nothing", "x"));
    TRY(rename("b", "d"));
    TRY(rename("d", "b"));
    TRY(rename("e", "d"));
    TRY(rename("d", "d/sub/x"));
    TRY(rename("d", "e"));
    TRY(rename("b", "b"));
    TRY(rename("b", "e/b"));
    say("%s", text_of("e/b"));
    make("b", "B2");
    TRY(rename2("b", "e/b", 1));
    TRY(rename2("b", "e/b", 2));
    say("%s %s", text_of("b"), text_of("e/b"));
    TRY(rename2("b", "e/b", 3));
    TRY(link("b", "hard"));
    struct stat st;
    stat("b", &st);
    say("links %d", (int)st.st_nlink);
    TRY(link("b", "hard"));
    TRY(link("e", "dirlink"));
    TRY(link("nothing", "x"));
    TRY(rename("b", "hard"));
    say("both there still: %s %s", text_of("b"), text_of("hard"));
    int fd = MUST(open("hard", O_RDWR));
    unlink("b"), unlink("hard");
    write(fd, "still", 5);
    fstat(fd, &st);
    say("links %d, size %d", (int)st.st_nlink, (int)st.st_size);
    char target[32] = "";
    TRY(symlink("some/where", "link"));
    say("readlink %d %s", (int)readlink("link", target, 31), target);
    say("short %d", (int)readlink("link", target, 4));
    TRY(readlink("e", target, 31));
    TRY(symlink("x", "link"));
    TRY(unlink("link"));
    TRY(rmdir("e"));
    TRY(unlink("e/b"));
    TRY(rmdir("e/sub"));
    TRY(rmdir("e/."));
    TRY(rmdir("e"));
    TRY(unlinkat(AT_FDCWD, "e", AT_REMOVEDIR));
    return 0;
}
