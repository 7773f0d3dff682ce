/* PID namespaces. */
#ifndef PIDNS_H
#define PIDNS_H
#include "guest.h"
#ifndef CLONE_NEWPID
#define CLONE_NEWPID 0x20000000
#endif

/* fork into a new PID namespace */
static inline pid_t fork_newpid(void)
{
    struct clone3_args args = { .flags = CLONE_NEWPID, .exit_signal = SIGCHLD };
    return clone3(&args, sizeof args);
}

/* The child's end in words. */
static inline const char *ended(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid)
        return err(errno);
    return status_text(status);
}

/* Lets another process go on, and waits for that. */
static inline void tell(const int *pipe_fds) { MUST(write(pipe_fds[1], "x", 1)); }
static inline void hear(const int *pipe_fds)
{
    char c;
    if (read(pipe_fds[0], &c, 1) != 1)
        die("hear");
}
#endif
