// IPC_INFO, *_INFO, *_STAT and *_STAT_ANY of all three kinds: limits, totals, objects by index; numbers that go round.
// needs: root linux-6.9
#include "../sysv.h"
#ifndef SHM_STAT
#define SHM_STAT 13
#define SHM_INFO 14
#endif
#ifndef MSG_STAT
#define MSG_STAT 11
#define MSG_INFO 12
#endif
static void sem_info(int command)
{
    struct seminfo i;
    union semun arg = { .info = &i };
    int highest = semctl(0, 0, command, arg);
    say("sem %d: highest %d map %d mni %d mns %d mnu %d msl %d opm %d ume %d usz %d vmx %d aem %d", command, highest, i.semmap,
        i.semmni, i.semmns, i.semmnu, i.semmsl, i.semopm, i.semume, i.semusz, i.semvmx, i.semaem);
}
static void msg_info(int command)
{
    struct { int pool, map, max, mnb, mni, ssz, tql; unsigned short seg; } i;
    int highest = msgctl(0, command, (void *)&i);
    say("msg %d: highest %d pool %d map %d max %d mnb %d mni %d ssz %d tql %d seg %d", command, highest, i.pool, i.map, i.max,
        i.mnb, i.mni, i.ssz, i.tql, i.seg);
}
static void shm_info(void)
{
    struct { unsigned long max, min, mni, seg, all, unused[4]; } i;
    struct { int used; unsigned long total, resident, swapped, attempts, successes; } u;
    int highest = shmctl(0, IPC_INFO, (void *)&i);
    say("shm: highest %d max %lu min %lu mni %lu seg %lu all %lu", highest, i.max, i.min, i.mni, i.seg, i.all);
    highest = shmctl(0, SHM_INFO, (void *)&u);
    say("shm: highest %d used %d total %lu resident %lu swapped %lu", highest, u.used, u.total, u.resident, u.swapped);
}
static void stats(int id)
{
    struct semid_ds s = { 0 };
    struct shmid_ds h = { 0 };
    struct msqid_ds m = { 0 };
    union semun arg = { .buf = &s };
    for (int index = -1; index < 4; index++) {
        say("index %d", index);
        VALUE(semctl(index, 0, SEM_STAT, arg));
        VALUE(semctl(index, 0, SEM_STAT_ANY, arg));
        VALUE(shmctl(index, SHM_STAT, &h));
        VALUE(shmctl(index, SHM_STAT_ANY, &h));
        VALUE(msgctl(index, MSG_STAT, &m));
        VALUE(msgctl(index, MSG_STAT_ANY, &m));
    }
    VALUE(semctl(id, 0, SEM_STAT, arg));
    say("%d semaphores, %lu bytes, %lu bytes", (int)s.sem_nsems, (unsigned long)h.shm_segsz, (unsigned long)m.msg_qbytes);
}
int main(void)
{
    MUST(unshare(CLONE_NEWIPC));
    sem_info(IPC_INFO);
    sem_info(SEM_INFO);
    msg_info(IPC_INFO);
    msg_info(MSG_INFO);
    shm_info();
    stats(0);
    int first = MUST(semget(IPC_PRIVATE, 5, 0600)), id = MUST(semget(IPC_PRIVATE, 7, 0600));
    int shm = MUST(shmget(IPC_PRIVATE, 5000, 0600)), msg = MUST(msgget(IPC_PRIVATE, 0600));
    MUST(shmget(IPC_PRIVATE, 1, 0200));
    MUST(msgget(IPC_PRIVATE, 0200));
    char *p = shmat(shm, NULL, 0);
    p[0] = p[4096] = 1;
    struct { long type; char text[10]; } m = { 1, "text" };
    MUST(msgsnd(msg, &m, 10, 0));
    MUST(msgsnd(msg, &m, 3, 0));
    sem_info(SEM_INFO);
    msg_info(MSG_INFO);
    shm_info();
    stats(id);
    pid_t pid = spawn();
    if (pid == 0) {
        MUST(setgid(1000));
        MUST(setuid(1000));
        stats(id);
        _exit(0);
    }
    reap(pid, "another user");
    MUST(semctl(first, 0, IPC_RMID));
    MUST(shmctl(shm, IPC_RMID, NULL));
    sem_info(SEM_INFO);
    shm_info();
    stats(id);
    TRYI(semctl(0, 0, IPC_INFO, (void *)8));
    TRYI(msgctl(0, MSG_INFO, NULL));
    TRYI(shmctl(0, SHM_INFO, (void *)8));
    // numbers: the index goes round at 64, with another sequence number then
    for (int i = 0; i < 130; i++) {
        int made = MUST(msgget(IPC_PRIVATE, 0600));
        if (i == 0 || i == 61 || i == 62 || i == 125)
            say("queue %d: number %d", i, made);
        MUST(msgctl(made, IPC_RMID, NULL));
    }
    return 0;
}
