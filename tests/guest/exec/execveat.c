// execveat: relative to a directory, AT_EMPTY_PATH on a descriptor, AT_SYMLINK_NOFOLLOW, and its errors.
#include "guest.h"
static char *args[] = { "x", "again", NULL };
static void attempt(const char *what, int fd, const char *path, int flags)
{
    pid_t pid = spawn();
    if (pid == 0) {
        syscall(SYS_execveat, fd, path, args, args + 2, flags);
        say("%s: %s", what, err(errno));
        _exit(1);
    }
    reap(pid, what);
}
int main(int argc, char **argv)
{
    if (argc > 1) {
        say("ran");
        return 0;
    }
    char *slash = strrchr(argv[0], '/');
    *slash = 0;
    int dir = MUST(open(argv[0], O_RDONLY | O_DIRECTORY)), here = MUST(open(".", O_RDONLY));
    *slash = '/';
    int file = MUST(open(argv[0], O_RDONLY)), path = MUST(open(argv[0], O_PATH));
    symlink(argv[0], "link");
    attempt("relative", dir, slash + 1, 0);
    attempt("absolute", 99, argv[0], 0);
    attempt("descriptor", file, "", AT_EMPTY_PATH);
    attempt("O_PATH descriptor", path, "", AT_EMPTY_PATH);
    attempt("link", here, "link", 0);
    attempt("link nofollow", here, "link", AT_SYMLINK_NOFOLLOW);
    attempt("empty path", file, "", 0);
    attempt("bad descriptor", 99, "link", 0);
    attempt("not a directory", file, "link", 0);
    attempt("bad flags", here, "link", 0x8);
    return 0;
}
