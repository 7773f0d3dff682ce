// A new session has no controlling terminal: /dev/tty is ENXIO, tcgetpgrp on others ENOTTY.
#include "guest.h"
int main(void)
{
    pid_t pid = spawn();
    if (pid == 0) {
        setsid();
        TRY(open("/dev/tty", O_RDWR));
        TRY(tcgetpgrp(0));
        int fd[2];
        MUST(pipe(fd));
        TRY(tcgetpgrp(fd[0]));
        TRY(isatty(fd[0]) ? 0 : -1);
        _exit(0);
    }
    reap(pid, "child");
    return 0;
}
