// Capabilities go with the change from root to a user, come back with the effective ID, and PR_SET_KEEPCAPS keeps them.
// needs: root
#include "guest.h"
#include <linux/capability.h>
static void show(const char *when)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2];
    MUST(syscall(SYS_capget, &header, data));
    say("%s: SETUID permitted %d effective %d", when, !!(data[0].permitted & 1 << 7), !!(data[0].effective & 1 << 7));
}
int main(void)
{
    show("root");
    pid_t pid = spawn();
    if (pid == 0) {
        syscall(SYS_setresuid, -1, 1000, -1);
        show("effective user");
        syscall(SYS_setresuid, -1, 0, -1);
        show("root again");
        syscall(SYS_setuid, 1000);
        show("user");
        _exit(0);
    }
    reap(pid, "child");
    pid = spawn();
    if (pid == 0) {
        say("keepcaps %d", prctl(PR_GET_KEEPCAPS));
        TRY(prctl(PR_SET_KEEPCAPS, 1));
        syscall(SYS_setuid, 1000);
        show("kept");
        struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
        struct __user_cap_data_struct data[2];
        syscall(SYS_capget, &header, data);
        data[0].effective |= 1 << 7;
        TRYAS("capset", syscall(SYS_capset, &header, data));
        TRYAS("setuid 0", syscall(SYS_setuid, 0));
        _exit(0);
    }
    reap(pid, "child");
    struct __user_cap_header_struct header = { 0x1234, 0 };
    TRYAS("bad version", syscall(SYS_capget, &header, (void *)0));
    say("version told %#x", header.version);
    header.pid = 99999999;
    struct __user_cap_data_struct data[2];
    TRYAS("no such process", syscall(SYS_capget, &header, data));
    return 0;
}
