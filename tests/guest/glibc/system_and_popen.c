// system() and popen(): a shell of the host, its output and its status; SIGCHLD and signals put back.
#include "guest.h"
int main(void)
{
    int status = system("exit 3");
    say("system: %s", status_text(status));
    status = system("kill -TERM $$");
    say("system: %s", status_text(status));
    say("shell there: %d", system(NULL) != 0);
    FILE *p = popen("echo one; echo two | tr a-z A-Z", "r");
    char line[64];
    while (p && fgets(line, sizeof line, p)) {
        line[strcspn(line, "\n")] = 0;
        say("popen: %s", line);
    }
    say("pclose: %s", status_text(pclose(p)));
    fflush(stdout);
    p = popen("cat; exit 4", "w");
    fprintf(p, "written\n");
    say("pclose: %s", status_text(pclose(p)));
    say("children: %s", outcome(wait(NULL)));
    return 0;
}
