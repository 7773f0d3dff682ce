// A kernel without x32: no number with the x32 bit is a call, nor is a number beyond the table.
#include "../guest.h"

static void ask(const char *what, long number) {
    errno = 0;
    long result = syscall(number, 0, 0, 0, 0, 0);
    printf("%s: %s\n", what, result == -1 ? strerror(errno) : "answered");
}

int main(void) {
    const long bit = 0x40000000;
    ask("read", bit | SYS_read);
    ask("getpid", bit | SYS_getpid);
    ask("clone", bit | SYS_clone);
    ask("fork", bit | SYS_fork);
    ask("vfork", bit | SYS_vfork);
    ask("clone3", bit | SYS_clone3);
    ask("x32's own rt_sigaction", bit | 512);
    ask("x32's own execve", bit | 520);
    ask("the first number that is none", 100000);
    ask("-1", -1);
    printf("children: %s\n", wait(NULL) < 0 && errno == ECHILD ? "none" : "some");
    return 0;
}
