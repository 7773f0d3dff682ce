// Keys, IPC_CREAT and IPC_EXCL, owners, modes, IPC_SET and IPC_STAT of all three kinds.
// needs: root
#include "../sysv.h"
#define KEY 0x464b524e
static void perm(const char *what, struct ipc_perm *p)
{
    say("%s: uid %d gid %d cuid %d cgid %d mode %o", what, p->uid, p->gid, p->cuid, p->cgid, p->mode);
}
static void as(int uid, int gid, void (*run)(int), int id)
{
    pid_t pid = spawn();
    if (pid == 0) {
        MUST(setgid(gid));
        MUST(syscall(SYS_setgroups, 0, NULL));
        MUST(setuid(uid));
        run(id);
        _exit(0);
    }
    reap(pid, "as another");
}
static void sem_user(int id)
{
    union semun arg;
    struct semid_ds ds;
    arg.buf = &ds;
    TRYI(semctl(id, 0, GETVAL));
    TRYI(setval(id, 0, 1));
    TRYI(sem1(id, 0, 1, 0));
    TRYI(sem1(id, 0, 0, IPC_NOWAIT));
    TRYI(semctl(id, 0, IPC_STAT, arg));
    TRYI(semctl(id, 0, IPC_SET, arg));
    TRYI(semctl(id, 0, IPC_RMID));
    TRYI(semget(KEY, 1, 0) == id ? 0 : -1);
    TRYI(semget(KEY, 1, 0600) == id ? 0 : -1);
    TRYI(semget(KEY, 1, 0400) == id ? 0 : -1);
    TRYI(semget(KEY, 1, 04) == id ? 0 : -1);
}
static void shm_user(int id)
{
    struct shmid_ds ds;
    TRYI(shmat(id, NULL, 0));
    TRYI(shmat(id, NULL, SHM_RDONLY));
    TRYI(shmat(id, NULL, SHM_EXEC | SHM_RDONLY));
    TRYI(shmctl(id, IPC_STAT, &ds));
    TRYI(shmctl(id, IPC_RMID, NULL));
    TRYI(shmctl(id, SHM_LOCK, NULL));
}
static void msg_user(int id)
{
    struct { long type; char text[4]; } m = { 1, "abc" };
    struct msqid_ds ds;
    TRYI(msgsnd(id, &m, 4, IPC_NOWAIT));
    TRYI(msgrcv(id, &m, 4, 0, IPC_NOWAIT));
    TRYI(msgctl(id, IPC_STAT, &ds));
    TRYI(msgctl(id, IPC_RMID, NULL));
}
int main(void)
{
    semctl(semget(KEY, 0, 0), 0, IPC_RMID); // left by a run that was cut short
    TRYI(semget(KEY, 1, 0600));
    int id = MUST(semget(KEY, 2, IPC_CREAT | IPC_EXCL | 0640));
    YES(semget(KEY, 1, 0) == id);
    YES(semget(KEY, 2, IPC_CREAT) == id);
    TRYI(semget(KEY, 0, 0) == id ? 0 : -1);
    TRYI(semget(KEY, 3, 0));
    TRYI(semget(KEY, 3, IPC_CREAT | IPC_EXCL));
    TRYI(semget(KEY, 1, IPC_CREAT | IPC_EXCL));
    struct semid_ds ds;
    union semun arg = { .buf = &ds };
    MUST(semctl(id, 0, IPC_STAT, arg));
    perm("made", &ds.sem_perm);
    say("nsems %ld, otime %d, ctime %d", (long)ds.sem_nsems, ds.sem_otime != 0, ds.sem_ctime != 0);
    MUST(sem1(id, 0, 1, 0));
    MUST(semctl(id, 0, IPC_STAT, arg));
    YES(ds.sem_otime >= ds.sem_ctime);
    as(1000, 1000, sem_user, id);
    as(1000, 0, sem_user, id);
    ds.sem_perm.uid = 1000, ds.sem_perm.gid = 1001, ds.sem_perm.mode = 07242;
    TRYI(semctl(id, 0, IPC_SET, arg));
    MUST(semctl(id, 0, IPC_STAT, arg));
    perm("set", &ds.sem_perm);
    as(1002, 1001, sem_user, id);
    as(1002, 1002, sem_user, id);
    ds.sem_perm.uid = -1;
    TRYI(semctl(id, 0, IPC_SET, arg));
    arg.buf = (void *)8;
    TRYI(semctl(id, 0, IPC_SET, arg));
    TRYI(semctl(id, 0, IPC_STAT, arg));
    TRYI(semctl(id + 1, 0, IPC_SET, arg));
    as(1000, 1000, sem_user, id);
    TRYI(semctl(id, 0, IPC_RMID));
    TRYI(semget(KEY, 1, 0600));

    int shm = MUST(shmget(IPC_PRIVATE, 100, 0604));
    as(1000, 1000, shm_user, shm);
    struct shmid_ds sds;
    MUST(shmctl(shm, IPC_STAT, &sds));
    perm("segment", &sds.shm_perm);
    sds.shm_perm.uid = 1000, sds.shm_perm.mode = 0200;
    TRYI(shmctl(shm, IPC_SET, &sds));
    as(1000, 1000, shm_user, shm);
    TRYI(shmctl(shm, IPC_RMID, NULL));

    int msg = MUST(msgget(IPC_PRIVATE, 0602));
    as(1000, 1000, msg_user, msg);
    struct msqid_ds mds;
    MUST(msgctl(msg, IPC_STAT, &mds));
    perm("queue", &mds.msg_perm);
    mds.msg_perm.uid = 1000, mds.msg_perm.mode = 0400;
    TRYI(msgctl(msg, IPC_SET, &mds));
    as(1000, 1000, msg_user, msg);
    TRYI(msgctl(msg, IPC_RMID, NULL));
    return 0;
}
