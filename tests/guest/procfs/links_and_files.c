// exe, cwd, root, fd, cmdline, environ, comm and task of oneself and of a child.
#include "guest.h"
#include <dirent.h>
static void link_of(const char *what, const char *path, const char *expected)
{
    char text[PATH_MAX] = "";
    ssize_t n = readlink(path, text, sizeof text - 1);
    if (n == -1)
        say("%s: %s", what, err(errno));
    else
        say("%s: %d", what, strcmp(text, expected) == 0);
}
int main(int argc, char **argv)
{
    (void)argc;
    char cwd[PATH_MAX], path[64], text[4096];
    getcwd(cwd, sizeof cwd);
    char real[PATH_MAX];
    realpath(argv[0], real);
    link_of("exe", "/proc/self/exe", real);
    link_of("cwd", "/proc/self/cwd", cwd);
    link_of("root", "/proc/self/root", "/");
    snprintf(text, sizeof text, "%d", getpid());
    link_of("self", "/proc/self", text);
    int null = MUST(open("/dev/null", O_RDWR));
    snprintf(path, sizeof path, "/proc/self/fd/%d", null);
    link_of("fd", path, "/dev/null");
    snprintf(path, sizeof path, "/proc/thread-self/fd/%d", null);
    link_of("thread-self", path, "/dev/null");
    int fd[2];
    pipe(fd);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd[0]);
    char target[64] = "";
    readlink(path, target, 63);
    say("pipe: %d", strncmp(target, "pipe:[", 6) == 0);
    int f = MUST(open("/proc/self/cmdline", O_RDONLY));
    ssize_t n = read(f, text, sizeof text);
    say("cmdline: %d", n == (ssize_t)strlen(argv[0]) + 1 && memcmp(text, argv[0], n) == 0);
    f = MUST(open("/proc/self/comm", O_RDWR));
    write(f, "renamed-by-writing", 18);
    char name[20] = "";
    prctl(PR_GET_NAME, name);
    say("comm '%s'", name);
    pid_t pid = spawn();
    if (pid == 0)
        for (;;)
            pause();
    snprintf(path, sizeof path, "/proc/%d/cwd", pid);
    link_of("child's cwd", path, cwd);
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    say("its stat: %s", outcome(access(path, R_OK)));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    say("gone: %s", outcome(access(path, R_OK)));
    TRY(open("/proc/99999999/stat", O_RDONLY));
    TRY(open("/proc/self/nothing", O_RDONLY));
    TRY(mkdir("/proc/x", 0755));
    DIR *dir = opendir("/proc/self/task");
    int entries = 0;
    for (struct dirent *e; dir && (e = readdir(dir));)
        entries += e->d_name[0] != '.';
    say("tasks %d", entries);
    return 0;
}
