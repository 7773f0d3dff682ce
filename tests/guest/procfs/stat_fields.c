// /proc/self/stat and status: the fields that can be known.
#include "guest.h"
static char text[4096];
static const char *field(const char *key)
{
    static char value[4][128];
    static int turn;
    char *v = value[turn++ & 3];
    FILE *f = fopen("/proc/self/status", "r");
    char line[512];
    strcpy(v, "missing");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':') {
            char *start = line + strlen(key) + 1;
            while (*start == ' ' || *start == '\t')
                start++;
            start[strcspn(start, "\n")] = 0;
            snprintf(v, 128, "%s", start);
        }
    if (f)
        fclose(f);
    return v;
}
int main(void)
{
    prctl(PR_SET_NAME, "na) me (x");
    int fd = MUST(open("/proc/self/stat", O_RDONLY));
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n] = 0;
    char *end = strrchr(text, ')'), state;
    int ppid, pgrp, sid, pid = atoi(text);
    sscanf(end + 2, "%c %d %d %d", &state, &ppid, &pgrp, &sid);
    say("pid %d state %c ppid %d pgrp %d session %d", pid == getpid(), state, ppid == getppid(), pgrp == getpgrp(),
        sid == getsid(0));
    *end = 0;
    say("name '%s'", strchr(text, '(') + 1);
    int fields = 2;
    for (char *p = end + 1; *p; p++)
        fields += *p == ' ';
    say("fields %d, newline %d", fields, text[n - 1] == '\n');
    block(SIGSET(SIGUSR1, SIGRTMIN));
    on_signal(SIGUSR2, SIG_IGN, 0);
    raise(SIGUSR1);
    say("Name %s", field("Name"));
    say("State %s", field("State"));
    say("Tgid %d Pid %d PPid %d Threads %s", atoi(field("Tgid")) == getpid(), atoi(field("Pid")) == getpid(),
        atoi(field("PPid")) == getppid(), field("Threads"));
    say("SigPnd %s ShdPnd %s", field("SigPnd"), field("ShdPnd"));
    say("SigBlk %s SigIgn %s", field("SigBlk"), field("SigIgn"));
    say("Umask %s", (umask(027), field("Umask")));
    return 0;
}
