// #! scripts: interpreter, its one optional argument, the script's name, then the caller's arguments.
#include "guest.h"
static void make(const char *name, const char *text)
{
    int fd = MUST(open(name, O_CREAT | O_WRONLY | O_TRUNC, 0755));
    write(fd, text, strlen(text));
    close(fd);
}
static void run(const char *name)
{
    char *args[] = { "zero", "first", "second", NULL };
    pid_t pid = spawn();
    if (pid == 0) {
        execv(name, args);
        say("%s: %s", name, err(errno));
        _exit(127);
    }
    reap(pid, name);
}
int main(int argc, char **argv)
{
    char text[PATH_MAX + 100];
    if (argc > 2) {
        say("argc %d", argc);
        for (int i = 1; i < argc; i++)
            say("  %s", argv[i]);
        return 0;
    }
    snprintf(text, sizeof text, "#!%s\n", argv[0]);
    make("plain", text);
    run("./plain");
    snprintf(text, sizeof text, "#!  %s   -x and more  \n", argv[0]);
    make("options", text);
    run("./options");
    snprintf(text, sizeof text, "#!%s", argv[0]);
    make("noline", text);
    run("./noline");
    make("nested", "#!./plain two\n");
    run("./nested");
    make("deep1", "#!./nested\n"), make("deep2", "#!./deep1\n"), make("deep3", "#!./deep2\n");
    make("deep4", "#!./deep3\n"), make("deep5", "#!./deep4\n");
    run("./deep2");
    run("./deep3");
    run("./deep5");
    make("self", "#!./self\n");
    run("./self");
    return 0;
}
