/* For the tests of ptrace: stops told in words, a tracee that waits to be told. */
#include "../guest.h"
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

static const char *event_name(int event)
{
    static const char *names[] = {"", "FORK", "VFORK", "CLONE", "EXEC", "VFORK_DONE", "EXIT", "SECCOMP"};
    return event == 128 ? "STOP" : event < 8 ? names[event] : "?";
}

static const char *told(int status)
{
    static char text[100];
    if (WIFEXITED(status))
        snprintf(text, sizeof text, "exited %d", WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        snprintf(text, sizeof text, "killed by %d", WTERMSIG(status));
    else if (WIFCONTINUED(status))
        snprintf(text, sizeof text, "continued");
    else if (status >> 16)
        snprintf(text, sizeof text, "stopped by %d, event %s", WSTOPSIG(status), event_name(status >> 16));
    else
        snprintf(text, sizeof text, "stopped by %#x", WSTOPSIG(status));
    return text;
}

static int wait_and_tell(int pid, const char *what)
{
    int status = 0, found = waitpid(pid, &status, __WALL);
    if (found < 0)
        printf("%s: error %d\n", what, errno);
    else
        printf("%s: %s\n", what, told(status));
    fflush(stdout);
    return status;
}

static void request(const char *what, long result)
{
    if (result)
        printf("%s: %ld, errno %d\n", what, result, errno);
    else
        printf("%s: ok\n", what);
    fflush(stdout);
}

static unsigned long message(int pid)
{
    unsigned long value = 0;
    ptrace(PTRACE_GETEVENTMSG, pid, 0, &value);
    return value;
}
