// F_NOTIFY: which changes in a directory are told by a signal, once or each time, and what ends that.
#include "guest.h"
static volatile int signals, last_code, last_fd;
static void told(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    signals++, last_code = info->si_code, last_fd = info->si_fd;
}
static void show(const char *what)
{
    say("%s: %d", what, signals);
    signals = 0;
}
#define DO(call) (call, show(#call))
int main(void)
{
    on_siginfo(SIGRTMIN, told, SA_RESTART), on_siginfo(SIGIO, told, SA_RESTART);
    mkdir("d", 0755), mkdir("e", 0755);
    int file = MUST(open("d/f", O_CREAT | O_RDWR, 0644)), dir = MUST(open("d", O_RDONLY)), f;
    char c;
    TRY(fcntl(file, F_NOTIFY, DN_MODIFY));
    TRY(fcntl(file, F_NOTIFY, 0));
    static const struct { const char *name; unsigned bit; } kinds[] = {
        { "access", DN_ACCESS }, { "modify", DN_MODIFY }, { "create", DN_CREATE }, { "delete", DN_DELETE },
        { "rename", DN_RENAME }, { "attrib", DN_ATTRIB },
    };
    fcntl(dir, F_SETSIG, SIGRTMIN);
    for (int i = 0; i < NELEM(kinds); i++) {
        MUST(fcntl(dir, F_NOTIFY, kinds[i].bit | DN_MULTISHOT));
        say("-- %s", kinds[i].name);
        DO(write(file, "x", 1));
        DO(pread(file, &c, 1, 0));
        DO(f = open("d/g", O_CREAT | O_WRONLY, 0644));
        DO(close(f));
        DO(link("d/g", "d/h"));
        DO(rename("d/h", "d/i"));
        DO(rename("d/i", "e/i"));
        DO(rename("e/i", "d/g"));
        DO(chmod("d/g", 0600));
        DO(truncate("d/g", 3));
        DO(mkdir("d/s", 0755));
        DO(rmdir("d/s"));
        DO(unlink("d/g"));
        DO(chmod("d", 0755));
        DO(utimensat(AT_FDCWD, "d/f", NULL, 0));
        MUST(fcntl(dir, F_NOTIFY, 0));
        DO(fchmod(file, 0600));
    }
    say("code %d, descriptor %d", last_code == POLL_MSG, last_fd == dir);
    MUST(fcntl(dir, F_NOTIFY, DN_MODIFY));
    DO(write(file, "x", 1));
    DO(write(file, "x", 1));
    MUST(fcntl(dir, F_NOTIFY, DN_MODIFY));
    MUST(fcntl(dir, F_NOTIFY, DN_ATTRIB));
    DO(fchmod(file, 0600));
    DO(write(file, "x", 1));
    MUST(fcntl(dir, F_NOTIFY, DN_MODIFY | DN_MULTISHOT));
    fcntl(dir, F_SETSIG, 0);
    DO(write(file, "x", 1));
    int copy = dup(dir);
    close(dir);
    DO(write(file, "x", 1));
    close(copy);
    dir = MUST(open("d", O_RDONLY));
    MUST(fcntl(dir, F_NOTIFY, DN_MODIFY | DN_MULTISHOT));
    pid_t pid = spawn();
    if (!pid) {
        write(file, "x", 1);
        close(dir);
        _exit(signals);
    }
    reap(pid, "a child");
    show("told us");
    DO(write(file, "x", 1));
    return 0;
}
