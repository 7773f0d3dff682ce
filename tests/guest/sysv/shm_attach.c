// Shared memory: attach, detach, fork, exec, exit, IPC_RMID while attached, and what maps shows.
#include "../sysv.h"
static int id;
static void state(const char *when)
{
    struct shmid_ds ds;
    if (shmctl(id, IPC_STAT, &ds) == -1)
        say("%s: %s", when, erri(errno));
    else
        say("%s: nattch %ld mode %o lpid %s cpid %s", when, (long)ds.shm_nattch, ds.shm_perm.mode,
            ds.shm_lpid == getpid() ? "mine" : ds.shm_lpid ? "another" : "0", ds.shm_cpid == getpid() ? "mine" : "another");
}
static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* In the order of their text: where the kernel finds room differs from run to run. */
static void maps(const char *when)
{
    static char found[64][512];
    int count = 0;
    char line[512];
    FILE *f = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, f)) {
        unsigned long start, end, offset, inode;
        char mode[8], name[256] = "";
        sscanf(line, "%lx-%lx %7s %lx %*s %lu %255[^\n]", &start, &end, mode, &offset, &inode, name);
        if (strstr(name, "SYSV"))
            snprintf(found[count++], sizeof found[0], "%s: %lu pages %s offset %#lx inode is id %s %s", when,
                     (end - start) / 4096, mode, offset, inode == (unsigned long)id ? "yes" : "no", name);
    }
    fclose(f);
    qsort(found, count, sizeof found[0], by_text);
    for (int i = 0; i < count; i++)
        say("%s", found[i]);
}
int main(int argc, char **argv)
{
    if (argc > 1) {
        id = atoi(argv[1]);
        state("after execve");
        maps("after execve");
        return 0;
    }
    id = MUST(shmget(IPC_PRIVATE, 3 * 4096 + 5, 0600));
    state("new");
    char *p = shmat(id, NULL, 0);
    if (p == (void *)-1)
        die("shmat");
    state("attached");
    maps("attached");
    YES(p[0] == 0 && p[4 * 4096 - 1] == 0);
    strcpy(p + 100, "hello");
    char *q = shmat(id, NULL, SHM_RDONLY);
    say("second: %s", q + 100);
    state("twice");
    YES(mprotect(q, 4096, PROT_READ | PROT_WRITE) == -1 && errno == EACCES);
    maps("twice");
    pid_t pid = spawn();
    if (pid == 0) {
        state("in the child");
        strcpy(p + 100, "child");
        MUST(shmdt(q));
        state("child detached one");
        maps("child");
        _exit(0);
    }
    reap(pid, "child");
    state("child gone");
    say("written by the child: %s %s", p + 100, q + 100);
    pid = spawn();
    if (pid == 0) {
        char number[16];
        snprintf(number, sizeof number, "%d", id);
        execl("/proc/self/exe", argv[0], number, NULL);
    }
    reap(pid, "execve");
    // part of it gone or changed
    MUST(mprotect(p + 4096, 4096, PROT_READ));
    maps("mprotect");
    state("mprotect");
    MUST(mprotect(p + 4096, 4096, PROT_READ | PROT_WRITE));
    maps("back");
    state("back");
    MUST(munmap(p + 2 * 4096, 4096));
    maps("hole");
    state("hole");
    TRYI(shmdt(p + 4096));
    TRYI(shmdt(p + 1));
    TRYI(shmdt(p));
    maps("detached");
    state("detached");
    TRYI(shmdt(p));
    TRYI(shmdt(q));
    state("none");
    // addresses
    char *hole = mmap(NULL, 16 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRYI(shmat(id, hole, 0));
    TRYI(shmat(id, NULL, SHM_REMAP));
    TRYI(shmat(id, hole + 1, 0));
    YES(shmat(id, hole + 4096 + 1, SHM_RND | SHM_REMAP) == hole + 4096);
    say("there: %s", hole + 4096 + 100);
    state("remapped");
    munmap(hole + 8 * 4096, 8 * 4096);
    YES(shmat(id, hole + 9 * 4096, 0) == hole + 9 * 4096);
    TRYI(shmat(id, hole + 12 * 4096, 0));
    TRYI(shmat(id + 1, NULL, 0));
    TRYI(shmat(-1, NULL, 0));
    // removed while attached
    TRYI(shmctl(id, IPC_RMID, NULL));
    state("removed");
    char *r = shmat(id, NULL, SHM_EXEC);
    say("attached again: %s", r + 100);
    maps("again");
    pid = spawn();
    if (pid == 0) {
        say("child: %s", r + 100);
        _exit(0);
    }
    reap(pid, "child");
    TRYI(shmdt(r));
    TRYI(shmdt(hole + 9 * 4096));
    state("one left");
    TRYI(shmdt(hole + 4096));
    state("gone");
    // the last one goes by exit
    id = MUST(shmget(IPC_PRIVATE, 4096, 0600));
    pid = spawn();
    if (pid == 0) {
        p = shmat(id, NULL, 0);
        MUST(shmctl(id, IPC_RMID, NULL));
        state("child's");
        _exit(0);
    }
    reap(pid, "child");
    state("after exit");
    // sizes
    TRYI(shmget(IPC_PRIVATE, 0, 0600));
    TRYI(shmget(0x53485246, 1, 0600));
    id = MUST(shmget(IPC_PRIVATE, 1, 0600));
    struct shmid_ds ds;
    MUST(shmctl(id, IPC_STAT, &ds));
    say("size %lu", (unsigned long)ds.shm_segsz);
    YES(ds.shm_ctime != 0 && ds.shm_atime == 0 && ds.shm_dtime == 0);
    shmdt(shmat(id, NULL, 0));
    MUST(shmctl(id, IPC_STAT, &ds));
    YES(ds.shm_atime >= ds.shm_ctime && ds.shm_dtime >= ds.shm_atime);
    TRYI(shmctl(id, SHM_LOCK, NULL));
    MUST(shmctl(id, IPC_STAT, &ds));
    say("mode %o", ds.shm_perm.mode);
    TRYI(shmctl(id, SHM_UNLOCK, NULL));
    TRYI(shmctl(id, 77, NULL));
    TRYI(shmctl(-1, IPC_STAT, &ds));
    TRYI(shmctl(id, -1, &ds));
    TRYI(shmctl(id, IPC_STAT, (void *)8));
    MUST(shmctl(id, IPC_RMID, NULL));
    TRYI(shmctl(id, IPC_RMID, NULL));
    return 0;
}
