// A zombie keeps its PID and parent, has no memory or files, takes signals in silence, and goes with the wait.
#include "guest.h"
int main(void)
{
    pid_t pid = spawn();
    if (pid == 0)
        _exit(0);
    until_state(pid, 'Z');
    say("state %c", state_of(pid));
    TRY(kill(pid, 0));
    TRY(kill(pid, SIGKILL));
    say("still %c", state_of(pid));
    say("group %d session %d", getpgid(pid) == getpgrp(), getsid(pid) == getsid(0));
    char path[64], text[64];
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    int fd = open(path, O_RDONLY);
    say("command line: %zd bytes", read(fd, text, sizeof text));
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    say("exe: %s", outcome(readlink(path, text, sizeof text)));
    reap(pid, "child");
    TRY(kill(pid, 0));
    return 0;
}
