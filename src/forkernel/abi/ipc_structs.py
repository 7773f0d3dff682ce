"""The structs of System V IPC, 64-bit (semctl(2), shmctl(2), msgctl(2))."""

from __future__ import annotations

from forkernel.abi.types import I16, I32, I64, U16, U32, U64, CStruct


class IpcPerm(CStruct):
    """struct ipc64_perm, 48 bytes; the first part of each of the *_ds below."""

    key: I32
    uid: U32
    gid: U32
    cuid: U32
    cgid: U32
    mode: U32
    seq: U16
    pad: U16
    unused1: U64
    unused2: U64


class SemidDs(CStruct):
    """struct semid64_ds without its permissions."""

    otime: I64
    unused1: U64
    ctime: I64
    unused2: U64
    nsems: U64
    unused3: U64
    unused4: U64


class ShmidDs(CStruct):
    """struct shmid64_ds without its permissions."""

    segsz: U64
    atime: I64
    dtime: I64
    ctime: I64
    cpid: I32
    lpid: I32
    nattch: U64
    unused4: U64
    unused5: U64


class MsqidDs(CStruct):
    """struct msqid64_ds without its permissions."""

    stime: I64
    rtime: I64
    ctime: I64
    cbytes: U64
    qnum: U64
    qbytes: U64
    lspid: I32
    lrpid: I32
    unused4: U64
    unused5: U64


class Seminfo(CStruct):
    """struct seminfo."""

    semmap: I32
    semmni: I32
    semmns: I32
    semmnu: I32
    semmsl: I32
    semopm: I32
    semume: I32
    semusz: I32
    semvmx: I32
    semaem: I32


class Shminfo(CStruct):
    """struct shminfo64."""

    shmmax: U64
    shmmin: U64
    shmmni: U64
    shmseg: U64
    shmall: U64
    unused1: U64
    unused2: U64
    unused3: U64
    unused4: U64


class ShmInfo(CStruct):
    """struct shm_info."""

    used_ids: I32
    shm_tot: U64
    shm_rss: U64
    shm_swp: U64
    swap_attempts: U64
    swap_successes: U64


class Msginfo(CStruct):
    """struct msginfo."""

    msgpool: I32
    msgmap: I32
    msgmax: I32
    msgmnb: I32
    msgmni: I32
    msgssz: I32
    msgtql: I32
    msgseg: U16


class Sembuf(CStruct):
    """struct sembuf."""

    sem_num: U16
    sem_op: I16
    sem_flg: I16
