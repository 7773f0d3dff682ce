// The errnos of execve.
#include "guest.h"
static char *none[] = { "x", NULL };
static void attempt(const char *what, const char *path)
{
    execve(path, none, none + 1);
    say("%s: %s", what, err(errno));
}
static void make(const char *name, const char *text, size_t size, int mode)
{
    int fd = MUST(open(name, O_CREAT | O_WRONLY | O_TRUNC, 0600));
    write(fd, text, size);
    fchmod(fd, mode);
    close(fd);
}
int main(void)
{
    char long_name[300];
    memset(long_name, 'a', 299);
    long_name[299] = 0;
    attempt("missing", "nothing");
    attempt("empty name", "");
    attempt("directory", "/");
    attempt("component is a file", "/proc/self/exe/x");
    attempt("too long", long_name);
    make("plain", "echo hi\n", 8, 0644);
    attempt("not executable", "./plain");
    make("garbage", "\1\2\3\4garbage", 11, 0755);
    attempt("no format", "./garbage");
    make("empty", "", 0, 0755);
    attempt("empty file", "./empty");
    make("script", "#!/nonexistent/interpreter\n", 27, 0755);
    attempt("interpreter missing", "./script");
    make("blank", "#!\n", 3, 0755);
    attempt("interpreter blank", "./blank");
    make("truncated", "\x7f" "ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\x3e\0\1\0\0\0", 24, 0755);
    attempt("truncated ELF", "./truncated");
    symlink("loop", "loop");
    attempt("loop", "loop");
    errno = 0;
    syscall(SYS_execve, 8, none, none + 1);
    say("bad path pointer: %s", err(errno));
    syscall(SYS_execve, "/proc/self/exe", 8, none + 1);
    say("bad argv pointer: %s", err(errno));
    char *bad[] = { "x", (char *)8, NULL };
    syscall(SYS_execve, "/proc/self/exe", bad, none + 1);
    say("bad argument: %s", err(errno));
    say("still here, children %s", outcome(wait(NULL)));
    return 0;
}
