/* Random calls on System V objects, message queues and control groups, by a process and its children; most of the
 * arguments are such that something comes of them. Never to be run natively. argv: seed, number of calls. */
#include <mqueue.h>
#include <sys/mount.h>
#include "../guest/guest.h"
static uint64_t state;
static uint64_t next(void)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}
static char *buffer;
static const int calls[] = {
    SYS_semget, SYS_semop, SYS_semctl, SYS_semtimedop, SYS_shmget, SYS_shmat, SYS_shmdt, SYS_shmctl, SYS_msgget, SYS_msgsnd,
    SYS_msgrcv, SYS_msgctl, SYS_mq_open, SYS_mq_unlink, SYS_mq_timedsend, SYS_mq_timedreceive, SYS_mq_notify,
    SYS_mq_getsetattr, SYS_poll, SYS_close, SYS_read, SYS_write, SYS_unshare, SYS_ioprio_set,
};
static const char *const files[] = {
    "cgroup.procs", "cgroup.threads", "cgroup.freeze", "cgroup.kill", "pids.max", "cgroup.subtree_control",
    "cgroup.max.depth", "cgroup.type", "cgroup.events", "pids.events",
};
static const char *const texts[] = { "0", "1", "max", "+pids", "-pids", "-1", "x", "4", "threaded", "99999999999999999", "" };
static const char *const groups[] = { "/cgf", "/cgf/a", "/cgf/a/b", "/cgf/c" };
static void nothing(int number) { (void)number; }
static uint64_t word(void)
{
    switch (next() % 10) {
    case 0: return (uint64_t)buffer + next() % 4096;
    case 1: return -(next() % 20);
    case 2: return next();
    case 3: return 1ULL << next() % 64;
    case 4: return 01600; // IPC_CREAT
    case 5: return next() % 4096;
    case 6: return (uint64_t)buffer;
    default: return next() % 4;
    }
}
static void group(void)
{
    char path[128], text[256];
    const char *directory = groups[next() % NELEM(groups)], *file = files[next() % NELEM(files)];
    uint64_t what = next() % 4;
    if (what == 0)
        mkdir(directory, 0755);
    else if (what == 1)
        rmdir(directory);
    else {
        snprintf(path, sizeof path, "%s/%s", directory, file);
        int fd = open(path, next() % 3);
        const char *value = texts[next() % NELEM(texts)];
        if (fd != -1) {
            if (strcmp(file, "cgroup.kill") && strcmp(file, "cgroup.freeze"))
                (void)!write(fd, value, strlen(value));
            (void)!read(fd, text, sizeof text);
            close(fd);
        }
    }
}
int main(int argc, char **argv)
{
    int count = argc > 2 ? atoi(argv[2]) : 0, depth = 0;
    state = strtoull(argv[1], NULL, 10) * 7919 + 1;
    buffer = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(buffer + 4096, 4096);
    for (int i = 1; i < 32; i++)
        signal(i, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    on_signal(SIGALRM, nothing, 0);
    mkdir("/cgf", 0755);
    mount("none", "/cgf", "cgroup2", 0, NULL);
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < 16; k++)
            ((uint16_t *)buffer)[next() % 2000] = next() % 4 ? next() % 3 : next();
        if (next() % 2)
            *(uint64_t *)buffer = 1 + next() % 3;
        else
            strcpy(buffer, "queue");
        ualarm(2000, 0); // ends what waits
        if (next() % 8 == 0) {
            group();
            continue;
        }
        if (next() % 60 == 0 && depth < 2) {
            pid_t pid = fork();
            if (pid == 0) {
                depth++;
                state += 977;
                count = i + 100;
            } else if (pid > 0 && next() % 2)
                waitpid(pid, NULL, 0);
            continue;
        }
        int call = calls[next() % NELEM(calls)];
        uint64_t a = word(), b = word(), c = word(), d = word(), e = word();
        if (call == SYS_unshare)
            a = next() % 2 ? CLONE_SYSVSEM : CLONE_NEWIPC;
        if (call == SYS_close || call == SYS_read || call == SYS_write)
            a = 3 + next() % 10, c %= 4096;
        if (call == SYS_poll)
            b %= 4, c %= 3;
        if (call == SYS_shmat)
            b = 0;
        syscall(call, a, b, c, d, e, 0);
    }
    return 0;
}
