// After exec the task's name is the file's, cut to 15 bytes; /proc/self/exe leads to the file.
#include "guest.h"
int main(int argc, char **argv)
{
    char name[17] = "", exe[PATH_MAX] = "";
    prctl(PR_GET_NAME, name);
    readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (argc > 1) {
        say("name '%s', exe ends so: %s, argv[0] %s", name, strrchr(exe, '/') + 1, argv[0]);
        return 0;
    }
    prctl(PR_SET_NAME, "something else");
    symlink(argv[0], "a-very-long-name-of-a-link");
    char *args[] = { "zero", "again", NULL };
    execv("./a-very-long-name-of-a-link", args);
    return 1;
}
