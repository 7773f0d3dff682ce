// An IPC namespace: empty at first, its own numbers and limits, gone with its last process; CLONE_NEWIPC in clone and
// unshare, setns back, and what it does to SEM_UNDO.
// needs: root linux-6.9
#include "../raw_clone.h"
#include "../sysv.h"
#define KEY 0x464b4e53
static struct gate go, done;
static void proc(const char *name)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%s", name);
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n < 0 ? 0 : n] = 0;
    int lines = 0;
    for (char *p = text; *p; p++)
        lines += *p == '\n';
    if (strncmp(name, "sysvipc", 7) == 0)
        say("%s: %d lines", name, lines);
    else
        say("%s: %.*s", name, (int)strcspn(text, "\n"), text);
}
static int inside(void *unused)
{
    (void)unused;
    TRYI(semget(KEY, 1, 0600));
    VALUE(semget(IPC_PRIVATE, 2, 0600));
    VALUE(semget(KEY, 2, IPC_CREAT | 0600));
    VALUE(shmget(IPC_PRIVATE, 8192, 0600));
    VALUE(msgget(IPC_PRIVATE, 0600));
    proc("sysvipc/sem");
    proc("sysvipc/shm");
    proc("sysvipc/msg");
    int fd = open("/proc/sys/kernel/shmmni", O_WRONLY);
    TRY(write(fd, "1", 1));
    close(fd);
    TRYI(shmget(IPC_PRIVATE, 4096, 0600));
    fd = open("/proc/sys/kernel/sem", O_WRONLY);
    TRY(write(fd, "10 20", 5));
    TRY(pwrite(fd, "1 2 3 32769", 11, 0));
    close(fd);
    proc("sys/kernel/sem");
    TRYI(semget(IPC_PRIVATE, 11, 0600));
    char *p = shmat(0, NULL, 0);
    strcpy(p, "inside");
    return 0;
}
static int waits(void *unused)
{
    (void)unused;
    VALUE(semget(KEY, 3, IPC_CREAT | 0600));
    open_gate(done);
    pass_gate(go);
    return 0;
}
int main(void)
{
    MUST(unshare(CLONE_NEWIPC)); // what the host has must not matter
    proc("sys/kernel/sem");
    proc("sys/kernel/shmmni");
    int id = MUST(semget(KEY, 1, IPC_CREAT | 0600));
    reap(clone_run(CLONE_NEWIPC | SIGCHLD, inside, NULL), "a new one");
    proc("sys/kernel/sem");
    proc("sys/kernel/shmmni");
    proc("sysvipc/sem");
    YES(semget(KEY, 1, 0600) == id);
    // undo is carried out before a process leaves
    pid_t pid = spawn();
    if (pid == 0) {
        MUST(sem1(id, 0, 5, SEM_UNDO));
        open_gate(({ go = new_gate(); go; }));
        MUST(unshare(CLONE_NEWIPC));
        TRYI(semctl(id, 0, GETVAL));
        _exit(0);
    }
    reap(pid, "unshared");
    VALUE(semctl(id, 0, GETVAL));
    // setns into that of another
    go = new_gate(), done = new_gate();
    pid = clone_run(CLONE_NEWIPC | SIGCHLD, waits, NULL);
    pass_gate(done);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/ipc", pid);
    int there = MUST(open(path, O_RDONLY)), here = MUST(open("/proc/self/ns/ipc", O_RDONLY));
    MUST(sem1(id, 0, 7, SEM_UNDO));
    TRY(syscall(SYS_setns, there, CLONE_NEWUTS));
    TRY(syscall(SYS_setns, there, CLONE_NEWIPC));
    struct semid_ds ds;
    union semun arg = { .buf = &ds };
    MUST(semctl(semget(KEY, 1, 0), 0, IPC_STAT, arg));
    say("there: %d semaphores", (int)ds.sem_nsems);
    int theirs = MUST(semget(KEY, 1, 0));
    open_gate(go);
    reap(pid, "it");
    YES(semget(KEY, 1, 0) == theirs); // the namespace lives on in us
    TRY(syscall(SYS_setns, here, 0));
    VALUE(semctl(id, 0, GETVAL));
    close(there);
    close(here);
    TRY(clone_run(CLONE_NEWIPC | SIGCHLD, waits, NULL) == -1 ? -1 : 0);
    open_gate(go);
    pass_gate(done);
    wait(NULL);
    // who may not
    pid = spawn();
    if (pid == 0) {
        MUST(setuid(1000));
        TRY(unshare(CLONE_NEWIPC));
        TRY(syscall(SYS_clone, CLONE_NEWIPC | SIGCHLD, 0, 0, 0, 0));
        TRY(syscall(SYS_clone, CLONE_NEWIPC | CLONE_SYSVSEM | SIGCHLD, 0, 0, 0, 0));
        _exit(0);
    }
    reap(pid, "user");
    return 0;
}
