// When the kernel writes into a shared page for a call, it makes the copy as a store of the program would.
#include "guest.h"
#include <sys/utsname.h>
int main(void)
{
    char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy(p, "original");
    int fd = MUST(open("file", O_CREAT | O_RDWR, 0600));
    write(fd, "from file", 10);
    pid_t pid = spawn();
    if (pid == 0) {
        pread(fd, p, 10, 0);
        say("child: %s", p);
        _exit(0);
    }
    reap(pid, "child");
    say("parent: %s", p);
    struct gate gate = new_gate();
    pid = spawn();
    if (pid == 0) {
        pass_gate(gate);
        say("child: %s", p);
        _exit(0);
    }
    pread(fd, p, 10, 0);
    open_gate(gate);
    reap(pid, "child");
    say("parent: %s", p);
    return 0;
}
