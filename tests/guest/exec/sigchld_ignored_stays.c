// An ignored SIGCHLD stays ignored across exec: children of the new program leave no zombie.
#include "guest.h"
int main(int argc, char **argv)
{
    if (argc > 1) {
        struct sigaction action;
        sigaction(SIGCHLD, NULL, &action);
        say("ignored %d", action.sa_handler == SIG_IGN);
        pid_t pid = spawn();
        if (pid == 0)
            _exit(3);
        say("wait: %s", outcome(waitpid(pid, NULL, 0)));
        return 0;
    }
    on_signal(SIGCHLD, SIG_IGN, 0);
    char *args[] = { argv[0], "again", NULL };
    execv(argv[0], args);
    return 1;
}
