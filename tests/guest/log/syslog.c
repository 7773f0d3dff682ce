// syslog(2): which actions there are, what they want, who may.
// needs: root host-log
#include "guest.h"
#include <sys/klog.h>

static char buffer[256];

static void actions(void)
{
    for (int action = -1; action <= 11; action++) {
        if (action == 2 || (action >= 4 && action <= 8))
            continue; /* they change what others see */
        int n = klogctl(action, buffer, 0);
        say("%d: %s", action, n < 0 ? err(errno) : action == 9 ? "some" : n ? "not 0" : "0");
    }
    int bad[][2] = {{2, -1}, {3, -1}, {4, -1}, {8, 0}, {8, 9}, {8, -1}};
    for (int i = 0; i < NELEM(bad); i++) {
        int n = klogctl(bad[i][0], buffer, bad[i][1]);
        say("%d with length %d: %s", bad[i][0], bad[i][1], n < 0 ? err(errno) : "done");
    }
    int none = klogctl(3, NULL, 10);
    say("3 without a buffer: %s", none < 0 ? err(errno) : "done");
    none = klogctl(3, (char *)8, 100);
    say("3 with a bad buffer: %s", none < 0 ? err(errno) : "done");
}

int main(void)
{
    int fd = open("/dev/kmsg", O_WRONLY);
    if (write(fd, "<5>fk first\n", 12) != 12 || write(fd, "<13>fk two\nlines\n", 17) != 17)
        return 1;
    int n = klogctl(3, buffer, sizeof buffer - 1);
    buffer[n > 0 ? n : 0] = 0;
    char *two = strstr(buffer, "fk two");
    say("last is ours: %d", two != NULL);
    if (two) {
        char *line = two;
        while (*line != '<')
            line--;
        char *bracket = strchr(line, '['), *second = strchr(two, '\n') + 1;
        say("level %.*s", (int)(bracket - line), line);
        say("second line level %.*s: %s", (int)(strchr(second, '[') - second), second, strchr(second, ']') + 2);
    }
    int small = klogctl(3, buffer, 5);
    say("5 bytes: %d", small);
    actions();
    say("size: %d", klogctl(10, NULL, 0));
    if (setuid(1000))
        return 1;
    say("as a user");
    actions();
    return 0;
}
