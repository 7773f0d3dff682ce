// posix_spawn of the C library: actions on files, attributes, and the errno of a program that is not there.
#include "guest.h"
#include <spawn.h>
extern char **environ;
int main(int argc, char **argv)
{
    if (argc > 1) {
        char text[16] = "";
        ssize_t n = read(0, text, 15);
        sigset_t mask;
        sigprocmask(SIG_BLOCK, NULL, &mask);
        struct sigaction action;
        sigaction(SIGINT, NULL, &action);
        say("child read %d '%s', blocks USR1 %d, INT default %d, own group %d", (int)n, text,
            sigismember(&mask, SIGUSR1), action.sa_handler == SIG_DFL, getpgrp() == getpid());
        return 3;
    }
    int fd[2];
    MUST(pipe(fd));
    MUST(write(fd[1], "hello", 5));
    on_signal(SIGINT, SIG_IGN, 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fd[0], 0);
    posix_spawn_file_actions_addclose(&actions, fd[1]);
    posix_spawnattr_t attr;
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    sigset_t mask = SIGSET(SIGUSR1), defaults = SIGSET(SIGINT);
    posix_spawnattr_setsigmask(&attr, &mask);
    posix_spawnattr_setsigdefault(&attr, &defaults);
    posix_spawnattr_setpgroup(&attr, 0);
    pid_t pid;
    char *args[] = { argv[0], "child", NULL };
    int error = posix_spawn(&pid, argv[0], &actions, &attr, args, environ);
    reap(pid, "child");
    say("spawn: %s", err(error));
    say("missing: %s", err(posix_spawn(&pid, "/nonexistent", NULL, NULL, args, environ)));
    say("directory: %s", err(posix_spawn(&pid, "/", NULL, NULL, args, environ)));
    say("children left: %s", outcome(wait(NULL)));
    return 0;
}
