// posix_spawn of glibc: on clone(CLONE_VM | CLONE_VFORK); its errors come back without a child.
#include "guest.h"
#include <spawn.h>
extern char **environ;
int main(void)
{
    pid_t pid;
    char *args[] = { "sh", "-c", "echo from the shell; exit 6", NULL };
    int error = posix_spawn(&pid, "/bin/sh", NULL, NULL, args, environ);
    reap(pid, "sh");
    say("spawn: %s", err(error));
    error = posix_spawnp(&pid, "sh", NULL, NULL, args, environ);
    reap(pid, "sh");
    say("spawnp: %s", err(error));
    say("missing: %s", err(posix_spawn(&pid, "/nonexistent", NULL, NULL, args, environ)));
    say("not found: %s", err(posix_spawnp(&pid, "no-such-program", NULL, NULL, args, environ)));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 7, "/nonexistent/file", O_RDONLY, 0);
    say("bad action: %s", err(posix_spawn(&pid, "/bin/sh", &actions, NULL, args, environ)));
    say("children: %s", outcome(wait(NULL)));
    return 0;
}
