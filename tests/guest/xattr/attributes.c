// Extended attributes on tmpfs: namespaces, flags, sizes, who may, and what becomes of them.
#include "guest.h"
#include <sys/xattr.h>
static char big[70000];
static void list(const char *path)
{
    char names[1000];
    int size = llistxattr(path, names, sizeof names);
    if (size < 0) {
        say("list of %s: %s", path, err(errno));
        return;
    }
    say("list of %s: %d bytes", path, size);
    for (char *name = names; name < names + size; name += strlen(name) + 1)
        say("  %s", name);
}
static void value(const char *path, const char *name)
{
    char data[1000];
    int size = lgetxattr(path, name, data, sizeof data);
    if (size < 0)
        say("%s of %s: %s", name, path, err(errno));
    else
        say("%s of %s: %d [%.*s]", name, path, size, size, data);
}
static void as_user(void)
{
    int pid = fork();
    if (!pid) {
        if (setgid(1000) || setuid(1000))
            _exit(1);
        value("f", "user.a");
        value("f", "trusted.t");
        value("f", "security.s");
        list("f");
        TRY(setxattr("f", "user.a", "x", 1, 0));
        TRY(setxattr("f", "trusted.a", "x", 1, 0));
        TRY(setxattr("f", "security.a", "x", 1, 0));
        TRY(removexattr("f", "trusted.t"));
        TRY(removexattr("f", "security.s"));
        TRY(removexattr("f", "user.a"));
        TRY(setxattr("sticky", "user.a", "x", 1, 0));
        TRY(setxattr("open", "user.a", "x", 1, 0));
        value("closed", "user.a");
        _exit(0);
    }
    waitpid(pid, 0, 0);
}
int main(void)
{
    char dir[] = "/dev/shm/xattrXXXXXX";
    if (!mkdtemp(dir) || chdir(dir))
        die("mkdtemp");
    chmod(dir, 0755);
    umask(022);
    int fd = MUST(open("f", O_RDWR | O_CREAT, 0644));
    list("f");
    value("f", "user.a");
    TRY(setxattr("f", "user.a", "one", 3, 0));
    TRY(setxattr("f", "user.a", "two", 3, XATTR_CREATE));
    TRY(setxattr("f", "user.b", "two", 3, XATTR_REPLACE));
    TRY(setxattr("f", "user.b", "", 0, XATTR_CREATE));
    TRY(setxattr("f", "user.a", "longer", 6, XATTR_REPLACE));
    TRY(setxattr("f", "user.a", "x", 1, 4));
    TRY(setxattr("f", "user.a", "x", 1, 3));
    value("f", "user.a");
    value("f", "user.b");
    list("f");
    char small[3];
    TRY(getxattr("f", "user.a", small, 3));
    say("size %d", (int)getxattr("f", "user.a", 0, 0));
    TRY(getxattr("f", "user.a", 0, 6));
    TRY(listxattr("f", small, 3));
    say("size %d", (int)listxattr("f", 0, 0));
    TRY(setxattr("f", "user.a", 0, 3, 0));
    TRY(setxattr("f", "user.a", 0, 0, 0));
    value("f", "user.a");
    TRY(setxattr("f", "user.", "x", 1, 0));
    TRY(setxattr("f", "", "x", 1, 0));
    TRY(setxattr("f", "plain", "x", 1, 0));
    TRY(setxattr("f", "other.a", "x", 1, 0));
    TRY(getxattr("f", "other.a", small, 3));
    TRY(getxattr("f", "user.", small, 3));
    TRY(removexattr("f", "other.a"));
    char name[300] = "user.";
    memset(name + 5, 'n', 250);
    TRYAS("name of 255", setxattr("f", name, "x", 1, 0));
    TRYAS("removed", removexattr("f", name));
    name[255] = 'n';
    TRYAS("name of 256", setxattr("f", name, "x", 1, 0));
    TRYAS("value of 65536", setxattr("f", "user.big", big, 65536, 0));
    say("size %d", (int)getxattr("f", "user.big", big, 70000));
    TRYAS("removed", removexattr("f", "user.big"));
    TRYAS("value of 65537", setxattr("f", "user.big", big, 65537, 0));
    TRY(removexattr("f", "user.none"));
    TRY(fsetxattr(fd, "trusted.t", "secret", 6, 0));
    TRY(fsetxattr(fd, "security.s", "label", 5, 0));
    say("by descriptor: %d %s", (int)fgetxattr(fd, "trusted.t", name, 100), (name[6] = 0, name));
    TRY(fremovexattr(fd, "user.b"));
    list("f");
    MUST(symlink("f", "link"));
    TRY(lsetxattr("link", "user.a", "x", 1, 0));
    TRY(lsetxattr("link", "trusted.a", "on the link", 11, 0));
    list("link");
    TRY(setxattr("link", "user.c", "through", 7, 0));
    value("f", "user.c");
    MUST(mkfifo("fifo", 0644));
    TRY(setxattr("fifo", "user.a", "x", 1, 0));
    TRY(getxattr("fifo", "user.a", small, 3));
    TRY(setxattr("fifo", "trusted.a", "x", 1, 0));
    MUST(mkdir("sticky", 0777));
    MUST(chmod("sticky", 01777));
    MUST(mkdir("open", 0777));
    MUST(chmod("open", 0777));
    close(MUST(open("closed", O_CREAT | O_WRONLY, 0600)));
    TRY(setxattr("closed", "user.a", "x", 1, 0));
    TRY(setxattr("open", "user.d", "of a directory", 14, 0));
    value("open", "user.d");
    as_user();
    MUST(rename("f", "g"));
    value("g", "user.a");
    MUST(link("g", "h"));
    TRY(setxattr("h", "user.e", "same file", 9, 0));
    value("g", "user.e");
    TRY(getxattr("none", "user.a", 0, 0));
    TRY(fgetxattr(99, "user.a", 0, 0));
    TRY(getxattr("/proc/self/status", "user.a", 0, 0));
    TRY(setxattr("/proc/self/status", "user.a", "x", 1, 0));
    list("/proc/self/status");
    struct stat before, after;
    stat("g", &before);
    struct timespec nap = { 0, 20 * MS };
    nanosleep(&nap, 0);
    TRY(setxattr("g", "user.a", "later", 5, 0));
    stat("g", &after);
    say("ctime moved %d, mtime %d", before.st_ctim.tv_nsec != after.st_ctim.tv_nsec,
        before.st_mtim.tv_nsec != after.st_mtim.tv_nsec);
    if (fork() == 0)
        execl("/bin/rm", "rm", "-r", dir, NULL);
    wait(0);
    return 0;
}
