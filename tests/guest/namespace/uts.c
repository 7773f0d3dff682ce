// CLONE_NEWUTS: host and domain name are the namespace's; without the flag they are shared.
// needs: root
#include "ns.h"
static int child_of(unsigned long flags, const char *name)
{
    struct gate set = new_gate(), go = new_gate();
    pid_t pid = MUST(sys_clone(flags));
    if (pid == 0) {
        say("starts with %s", hostname());
        TRYAS("sethostname", sethostname(name, strlen(name)));
        TRYAS("setdomainname", setdomainname("d", 1));
        say("has %s", hostname());
        open_gate(set);
        pass_gate(go);
        _exit(0);
    }
    pass_gate(set);
    int fd = MUST(ns_open_of(pid, "uts"));
    open_gate(go);
    reap(pid, "child");
    return fd;
}
int main(void)
{
    ino_t first = ns_ino("uts");
    MUST(sys_unshare(CLONE_NEWUTS)); /* never change the names of the machine that runs this */
    say("unshare made another one: %d", ns_ino("uts") != first);
    MUST(sethostname("here", 4));
    close(child_of(0, "shared"));
    say("after a plain child: %s", hostname());
    int fd = child_of(CLONE_NEWUTS, "own");
    say("after a child with CLONE_NEWUTS: %s", hostname());
    say("sysctl: %s", get_file("/proc/sys/kernel/hostname"));
    TRY(put_file("/proc/sys/kernel/hostname", "by-file\n"));
    say("uname: %s", hostname());
    int mine = MUST(ns_open("uts"));
    say("child's namespace differs: %d", fd_ino(fd) != fd_ino(mine));
    TRY(sys_setns(fd, 0)); /* its last process is gone, the descriptor kept it */
    say("in the child's: %s, link agrees: %d", hostname(), ns_ino("uts") == fd_ino(fd));
    struct utsname names;
    uname(&names);
    say("domain %s", names.domainname);
    TRY(sys_setns(mine, CLONE_NEWUTS));
    say("back: %s", hostname());
    return 0;
}
