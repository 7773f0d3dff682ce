/* System V IPC for the guest programs: every object is made with IPC_PRIVATE and removed at the end. */
#ifndef SYSV_H
#define SYSV_H
#include "guest.h"
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#ifndef SEM_STAT
#define SEM_STAT 18
#endif
#ifndef SEM_INFO
#define SEM_INFO 19
#endif
#ifndef SEM_STAT_ANY
#define SEM_STAT_ANY 20
#endif
#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif
#ifndef MSG_STAT_ANY
#define MSG_STAT_ANY 13
#endif
#ifndef MSG_COPY
#define MSG_COPY 040000
#endif
union semun { int val; struct semid_ds *buf; unsigned short *array; struct seminfo *info; };

static inline const char *erri(int number)
{
    switch (number) {
    case EIDRM: return "EIDRM";
    case ENOMSG: return "ENOMSG";
    case EMSGSIZE: return "EMSGSIZE";
    default: return err(number);
    }
}
#define TRYI(call) ({ long try_ = (long)(call); say("%s: %s", #call, try_ == -1 ? erri(errno) : "ok"); try_; })
#define VALUE(call) ({ long v_ = (long)(call); if (v_ == -1) say("%s: %s", #call, erri(errno)); else say("%s: %ld", #call, v_); v_; })

static inline int sem1(int id, int number, int operation, int flags)
{
    struct sembuf sop = { number, operation, flags };
    return semop(id, &sop, 1);
}
static inline int value_of(int id, int number) { return semctl(id, number, GETVAL); }
static inline int setval(int id, int number, int value)
{
    union semun arg = { .val = value };
    return semctl(id, number, SETVAL, arg);
}
static inline void until_waiting(int id, int number, int command, int count)
{
    for (int i = 0; i < 5000 && semctl(id, number, command) != count; i++)
        pause_ms(1);
    if (semctl(id, number, command) != count)
        die("nobody waits");
}
#endif
