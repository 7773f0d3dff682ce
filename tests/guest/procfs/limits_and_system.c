// limits, sys/kernel, mounts, filesystems, uptime, meminfo: the parts every system has.
#include "guest.h"
#include <sys/utsname.h>
static int contains(const char *path, const char *what)
{
    FILE *f = fopen(path, "r");
    char line[1024];
    int found = 0;
    while (f && fgets(line, sizeof line, f))
        found |= strstr(line, what) != NULL;
    if (f)
        fclose(f);
    return f ? found : -1;
}
static void first_line(const char *path, char *into)
{
    FILE *f = fopen(path, "r");
    into[0] = 0;
    if (f && fgets(into, 200, f))
        into[strcspn(into, "\n")] = 0;
    if (f)
        fclose(f);
}
int main(void)
{
    char text[200];
    struct rlimit limit = { 123, 456 };
    setrlimit(RLIMIT_NOFILE, &limit);
    say("limits %d", contains("/proc/self/limits", "Max open files            123                  456                  files"));
    struct utsname u;
    uname(&u);
    first_line("/proc/sys/kernel/ostype", text);
    say("ostype %s %d", text, strcmp(text, u.sysname) == 0);
    first_line("/proc/sys/kernel/osrelease", text);
    say("osrelease %d", strcmp(text, u.release) == 0);
    first_line("/proc/sys/kernel/hostname", text);
    say("hostname %d", strcmp(text, u.nodename) == 0);
    first_line("/proc/sys/kernel/pid_max", text);
    say("pid_max %d", atoi(text) >= 32768);
    first_line("/proc/version", text);
    say("version %d", strncmp(text, "Linux version ", 14) == 0);
    say("machine %s", u.machine);
    double up, idle, a, b, c;
    pause_ms(20); // a machine may have booted for this program alone
    first_line("/proc/uptime", text);
    say("uptime %d", sscanf(text, "%lf %lf", &up, &idle) == 2 && up > 0);
    first_line("/proc/loadavg", text);
    say("loadavg %d", sscanf(text, "%lf %lf %lf", &a, &b, &c) == 3);
    say("meminfo %d %d", contains("/proc/meminfo", "MemTotal:"), contains("/proc/meminfo", "MemFree:"));
    say("stat %d %d", contains("/proc/stat", "cpu "), contains("/proc/stat", "btime "));
    say("cpuinfo %d", contains("/proc/cpuinfo", "processor"));
    say("mounts %d", contains("/proc/mounts", " / ") && contains("/proc/self/mounts", "/proc proc"));
    say("filesystems %d %d", contains("/proc/filesystems", "\tproc"), contains("/proc/filesystems", "\ttmpfs"));
    return 0;
}
