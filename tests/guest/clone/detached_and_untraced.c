// CLONE_DETACHED does nothing since 2.6.2, but clone3 refuses it, and clone does with CLONE_PIDFD. CLONE_UNTRACED and
// CLONE_PTRACE do nothing where nobody traces.
#include "../raw_clone.h"
static int child(void *unused)
{
    (void)unused;
    return getppid() == 0;
}
static void one(const char *what, unsigned long flags)
{
    int status = 0;
    pid_t pid = clone_run(flags, child, NULL);
    siginfo_t info = { 0 };
    MUST(waitid(P_PID, pid, &info, WEXITED | WNOWAIT | __WALL));
    MUST(waitpid(pid, &status, __WALL));
    char path[64], line[256], tracer[64] = "";
    snprintf(path, sizeof path, "/proc/self/status");
    FILE *f = fopen(path, "r");
    while (fgets(line, sizeof line, f))
        if (strncmp(line, "TracerPid:", 10) == 0)
            strcpy(tracer, line);
    fclose(f);
    tracer[strcspn(tracer, "\n")] = 0;
    say("%s: code %d %s %s", what, info.si_code, status_text(status), tracer);
}
int main(void)
{
    one("plain", SIGCHLD);
    one("detached", SIGCHLD | CLONE_DETACHED);
    one("detached, no signal", CLONE_DETACHED);
    one("untraced", SIGCHLD | CLONE_UNTRACED);
    one("ptrace", SIGCHLD | CLONE_PTRACE);
    one("both", SIGCHLD | CLONE_PTRACE | CLONE_UNTRACED);
    int fd = -1;
    TRY(raw_clone(SIGCHLD | CLONE_DETACHED | CLONE_PIDFD, NULL, &fd, NULL, 0));
    struct clone3_args args = { .flags = CLONE_DETACHED, .exit_signal = SIGCHLD };
    TRY(clone3(&args, sizeof args));
    YES(waitpid(-1, NULL, __WALL) == -1 && errno == ECHILD);
    return 0;
}
