// reboot(2) within a PID namespace ends its PID 1: by SIGHUP for a restart, by SIGINT for halt and power-off.
// needs: root
#include "pidns.h"
#include <linux/reboot.h>
static long reboot_as(unsigned magic, unsigned command)
{
    return syscall(SYS_reboot, magic, LINUX_REBOOT_MAGIC2, command, "command");
}
int main(void)
{
    unsigned commands[] = { LINUX_REBOOT_CMD_RESTART, LINUX_REBOOT_CMD_HALT, LINUX_REBOOT_CMD_POWER_OFF,
        LINUX_REBOOT_CMD_RESTART2, LINUX_REBOOT_CMD_CAD_ON };
    for (int i = 0; i < NELEM(commands); i++) {
        pid_t init = fork_newpid();
        if (init == 0) {
            if (i == 0) {
                TRYAS("wrong magic", reboot_as(1, commands[i]));
                TRYAS("unknown command", reboot_as(LINUX_REBOOT_MAGIC1, 12345));
            }
            pid_t child = fork();
            if (child == 0) {
                say("%d: %s", i, outcome(reboot_as(LINUX_REBOOT_MAGIC1, commands[i])));
                _exit(3);
            }
            say("%d: child %s", i, ended(child));
            _exit(4);
        }
        say("%d: %s", i, ended(init));
    }
    pid_t init = fork_newpid();
    if (init == 0) {
        long result = reboot_as(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_CMD_RESTART);
        say("PID 1 itself: %s", outcome(result));
        _exit(4);
    }
    say("%s", ended(init));
    init = fork_newpid();
    if (init == 0) {
        MUST(setuid(1000));
        TRYAS("user", reboot_as(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_CMD_RESTART));
        _exit(4);
    }
    say("%s", ended(init));
    return 0;
}
