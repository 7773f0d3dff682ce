// memfd_secret(2): sized once, mapped shared and locked, out of others' reach.
#include "guest.h"
#include <sys/uio.h>
#include <sys/ptrace.h>
int main(void)
{
    int fd = MUST(syscall(SYS_memfd_secret, 0));
    say("flags %d %d", fcntl(fd, F_GETFD), fcntl(fd, F_GETFL) & O_ACCMODE);
    int closing = MUST(syscall(SYS_memfd_secret, O_CLOEXEC));
    say("cloexec %d", fcntl(closing, F_GETFD));
    TRY(syscall(SYS_memfd_secret, 1));
    char link[100] = "", path[40], byte;
    sprintf(path, "/proc/self/fd/%d", fd);
    readlink(path, link, 99);
    say("%s", link);
    struct stat st;
    fstat(fd, &st);
    say("mode %o size %d", st.st_mode, (int)st.st_size);
    TRY(write(fd, "a", 1));
    TRY(read(fd, &byte, 1));
    TRY(pread(fd, &byte, 1, 0));
    TRY(pwrite(fd, "a", 1, 0));
    TRY(lseek(fd, 0, SEEK_END));
    TRY(ftruncate(fd, 8192));
    TRY(ftruncate(fd, 4096));
    TRY(mmap(0, 8192, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
    char *m = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    say("mapped %d", m != MAP_FAILED);
    strcpy(m, "a secret\n");
    TRY(write(1, m, 9));
    struct iovec here = { link, 9 }, there = { m, 9 };
    TRY(process_vm_readv(getpid(), &here, 1, &there, 1, 0));
    TRY(process_vm_writev(getpid(), &here, 1, &there, 1, 0));
    int mem = MUST(open("/proc/self/mem", O_RDWR));
    TRY(pread(mem, link, 9, (long)m));
    TRY(pwrite(mem, "x", 1, (long)m));
    FILE *status = fopen("/proc/self/status", "r");
    char line[300];
    while (fgets(line, sizeof line, status))
        if (!strncmp(line, "VmLck:", 6))
            say("%s", strtok(line, "\n"));
    int child = fork();
    if (!child) {
        m[0] = 'A';
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        _exit(0);
    }
    waitpid(child, 0, 0);
    errno = 0;
    long word = ptrace(PTRACE_PEEKDATA, child, m, 0);
    say("peek %d %s", word == -1, err(errno));
    TRY(ptrace(PTRACE_POKEDATA, child, m, 0));
    ptrace(PTRACE_CONT, child, 0, 0);
    waitpid(child, 0, 0);
    say("shared with the child: %c", m[0]);
    struct rlimit limit = { 4096, 4096 };
    setrlimit(RLIMIT_MEMLOCK, &limit);
    munmap(m, 8192);
    if (setuid(12345))
        return 1;
    m = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    say("over the limit: %s", m == MAP_FAILED ? err(errno) : "mapped");
    return 0;
}
