"""The calls of System V IPC: arguments in user memory, commands, and what each comes to.

Not in `syscalls`, so that a program that uses none of it does not wait for all this to be loaded.
"""

from __future__ import annotations

import struct

from forkernel.abi import ipc
from forkernel.abi import ipc_structs as structs
from forkernel.abi.capability import CAP_SYS_RESOURCE
from forkernel.abi.errno import E2BIG, EFAULT, EINVAL, EPERM, ERANGE
from forkernel.abi.time import Timespec
from forkernel.errors import SysError
from forkernel.kernel import ipc_util, msg, sem, shm
from forkernel.kernel.cred import ns_capable
from forkernel.kernel.hrtimer import KTIME_MAX
from forkernel.kernel.ipc_namespace import ipc_ns_of
from forkernel.kernel.ipc_util import check_owner, check_perms, ipc_update_perm, now_seconds
from forkernel.kernel.pid import pid_vnr
from forkernel.kernel.posix_clock import timespec_to_ns
from forkernel.kernel.task import Task

SEM_STATS = (ipc.IPC_STAT, ipc.SEM_STAT, ipc.SEM_STAT_ANY)
SHM_STATS = (ipc.IPC_STAT, ipc.SHM_STAT, ipc.SHM_STAT_ANY)
MSG_STATS = (ipc.IPC_STAT, ipc.MSG_STAT, ipc.MSG_STAT_ANY)
PERM_SIZE = structs.IpcPerm.SIZE


def _stat_target(task: Task, ids: ipc_util.IpcIds, number: int, command: int, any_command: int) -> ipc_util.KernIpcPerm:
    """The object of IPC_STAT (by number) or *_STAT (by index); EINVAL, EACCES."""
    if command == ipc.IPC_STAT:
        found = ipc_util.ipc_obtain_object_check(ids, number)
    else:
        found = ids.at_index(number)
    if command != any_command:
        check_perms(task, found, ipc.S_IRUGO)
    return found


def _write(task: Task, addr: int, data: bytes) -> None:
    task.mm.write(addr, data)  # type: ignore[union-attr]


def _read(task: Task, addr: int, size: int) -> bytes:
    return task.mm.read(addr, size)  # type: ignore[union-attr]


# --- semaphores


def ksys_semget(task: Task, key: int, nsems: int, flags: int) -> int:
    """semget(2)."""
    return sem.semget(task, key, nsems, flags)


def ksys_semop(task: Task, number: int, sops: int, count: int) -> int:
    """semop(2)."""
    return _semop(task, number, sops, count, None)


def ksys_semtimedop(task: Task, number: int, sops: int, count: int, timeout: int) -> int:
    """semtimedop(2)."""
    return _semop(task, number, sops, count, Timespec.unpack(_read(task, timeout, Timespec.SIZE)) if timeout else None)


def _semop(task: Task, number: int, sops: int, count: int, timeout: Timespec | None) -> int:
    """The operations from user memory, carried out."""
    if count > ipc_ns_of(task).sem_ctls[2]:
        raise SysError(E2BIG)
    data = _read(task, sops, count * structs.Sembuf.SIZE)
    if count < 1 or number < 0:
        raise SysError(EINVAL)
    deadline = None
    if timeout is not None:
        deadline = min(task.system.clock.monotonic() + timespec_to_ns(timeout), KTIME_MAX)
    operations = [structs.Sembuf(*fields) for fields in struct.iter_unpack("<Hhh", data)]
    return sem.do_semtimedop(task, number, operations, deadline)


def ksys_semctl(task: Task, number: int, index: int, command: int, arg: int) -> int:
    """semctl(2)."""
    if number < 0:
        raise SysError(EINVAL)
    if command in (ipc.IPC_INFO, ipc.SEM_INFO):
        return _sem_info(task, command, arg)
    if command in SEM_STATS:
        ids = ipc_ns_of(task).ids("sem")
        sma = _stat_target(task, ids, number, command, ipc.SEM_STAT_ANY)
        _write(task, arg, sma.pack(task))  # type: ignore[attr-defined]
        return 0 if command == ipc.IPC_STAT else sma.id
    if command in (ipc.GETALL, ipc.SETALL, ipc.GETVAL, ipc.GETPID, ipc.GETNCNT, ipc.GETZCNT):
        return _semctl_main(task, number, index, command, arg)
    if command == ipc.SETVAL:
        value = (arg & 0xFFFFFFFF ^ 1 << 31) - (1 << 31)
        if not 0 <= value <= ipc.SEMVMX:
            raise SysError(ERANGE)
        sem.semctl_setval(task, sem.find_set(task, number), index, value)
        return 0
    if command == ipc.IPC_SET:
        new = structs.IpcPerm.unpack(_read(task, arg, PERM_SIZE + structs.SemidDs.SIZE)[:PERM_SIZE])
    elif command != ipc.IPC_RMID:
        raise SysError(EINVAL)
    sma = sem.find_set(task, number)
    check_owner(task, sma)
    if command == ipc.IPC_SET:
        ipc_update_perm(task, sma, new)
        sma.ctime = now_seconds(task)
    else:
        sem.freeary(ipc_ns_of(task), sma)
    return 0


def _semctl_main(task: Task, number: int, index: int, command: int, arg: int) -> int:
    """GETALL, SETALL and what asks for one semaphore."""
    sma = sem.find_set(task, number)
    check_perms(task, sma, ipc.S_IWUGO if command == ipc.SETALL else ipc.S_IRUGO)
    count = len(sma.values)
    if command == ipc.GETALL:
        _write(task, arg, struct.pack(f"<{count}H", *sma.values))
        return 0
    if command == ipc.SETALL:
        sem.semctl_setall(task, sma, list(struct.unpack(f"<{count}H", _read(task, arg, 2 * count))))
        return 0
    if not 0 <= index < count:
        raise SysError(EINVAL)
    if command == ipc.GETVAL:
        return sma.values[index]
    if command == ipc.GETPID:
        return pid_vnr(sma.pids[index], task)
    return sem.count_semcnt(sma, index, command == ipc.GETZCNT)


def _sem_info(task: Task, command: int, addr: int) -> int:
    """IPC_INFO: the limits; SEM_INFO: with the numbers of sets and semaphores in use. Returns the highest index."""
    ns = ipc_ns_of(task)
    semmsl, semmns, semopm, semmni = ns.sem_ctls
    used, semaphores = ipc.SEMUSZ, ipc.SEMAEM
    if command == ipc.SEM_INFO:
        used, semaphores = len(ns.ids("sem").entries), ns.used_sems
    info = structs.Seminfo(
        ipc.SEMMNS, semmni, semmns, ipc.SEMMNS, semmsl, semopm, ipc.SEMOPM, used, ipc.SEMVMX, semaphores
    )  # fmt: skip
    _write(task, addr, info.pack())
    return ns.ids("sem").max_index()


# --- shared memory


def ksys_shmget(task: Task, key: int, size: int, flags: int) -> int:
    """shmget(2)."""
    return shm.shmget(task, key, size, flags)


def ksys_shmat(task: Task, number: int, addr: int, flags: int) -> int:
    """shmat(2)."""
    return shm.do_shmat(task, number, addr, flags)


def ksys_shmdt(task: Task, addr: int) -> int:
    """shmdt(2)."""
    shm.ksys_shmdt(task, addr)
    return 0


def ksys_shmctl(task: Task, number: int, command: int, addr: int) -> int:
    """shmctl(2)."""
    if number < 0 or command < 0:
        raise SysError(EINVAL)
    ns = ipc_ns_of(task)
    if command in (ipc.IPC_INFO, ipc.SHM_INFO):
        return _shm_info(task, command, addr)
    if command in SHM_STATS:
        found = _stat_target(task, ns.ids("shm"), number, command, ipc.SHM_STAT_ANY)
        _write(task, addr, found.pack(task))  # type: ignore[attr-defined]
        return 0 if command == ipc.IPC_STAT else found.id
    if command == ipc.IPC_SET:
        new = structs.IpcPerm.unpack(_read(task, addr, PERM_SIZE + structs.ShmidDs.SIZE)[:PERM_SIZE])
    elif command not in (ipc.IPC_RMID, ipc.SHM_LOCK, ipc.SHM_UNLOCK):
        raise SysError(EINVAL)
    segment = shm.find_segment(task, number)
    if command in (ipc.SHM_LOCK, ipc.SHM_UNLOCK):
        shm.shm_lock(task, segment, command == ipc.SHM_LOCK)
        return 0
    check_owner(task, segment)
    if command == ipc.IPC_SET:
        ipc_update_perm(task, segment, new)
        segment.ctim = now_seconds(task)
    else:
        shm.do_shm_rmid(ns, segment)
    return 0


def _shm_info(task: Task, command: int, addr: int) -> int:
    """IPC_INFO: the limits; SHM_INFO: what is in use, in pages. Returns the highest index."""
    ns = ipc_ns_of(task)
    ids = ns.ids("shm")
    if command == ipc.IPC_INFO:
        data = structs.Shminfo(ns.shm_ctlmax, ipc.SHMMIN, ns.shm_ctlmni, ns.shm_ctlmni, ns.shm_ctlall).pack()
    else:
        resident = sum(len(one.mapping.pages) for one in ids if isinstance(one, shm.ShmSegment))
        data = structs.ShmInfo(len(ids.entries), ns.shm_tot, resident).pack()
    _write(task, addr, data)
    return ids.max_index()


# --- message queues


def ksys_msgget(task: Task, key: int, flags: int) -> int:
    """msgget(2)."""
    return msg.msgget(task, key, flags)


def ksys_msgsnd(task: Task, number: int, addr: int, size: int, flags: int) -> int:
    """msgsnd(2)."""
    return msg.do_msgsnd(task, number, addr, size, flags)


def ksys_msgrcv(task: Task, number: int, addr: int, size: int, mtype: int, flags: int) -> int:
    """msgrcv(2)."""
    return msg.do_msgrcv(task, number, addr, size, mtype, flags)


def ksys_msgctl(task: Task, number: int, command: int, addr: int) -> int:
    """msgctl(2)."""
    if number < 0 or command < 0:
        raise SysError(EINVAL)
    ns = ipc_ns_of(task)
    if command in (ipc.IPC_INFO, ipc.MSG_INFO):
        return _msg_info(task, command, addr)
    if command in MSG_STATS:
        found = _stat_target(task, ns.ids("msg"), number, command, ipc.MSG_STAT_ANY)
        _write(task, addr, found.pack(task))  # type: ignore[attr-defined]
        return 0 if command == ipc.IPC_STAT else found.id
    if command == ipc.IPC_SET:
        data = _read(task, addr, PERM_SIZE + structs.MsqidDs.SIZE)
        new, rest = structs.IpcPerm.unpack(data[:PERM_SIZE]), structs.MsqidDs.unpack(data[PERM_SIZE:])
    elif command != ipc.IPC_RMID:
        raise SysError(EINVAL)
    queue = msg.find_queue(task, number)
    check_owner(task, queue)
    if command == ipc.IPC_RMID:
        msg.freeque(ns, queue)
        return 0
    if rest.qbytes > ns.msg_ctlmnb and not ns_capable(task, ns.user_ns, CAP_SYS_RESOURCE):
        raise SysError(EPERM)
    ipc_update_perm(task, queue, new)
    queue.qbytes = rest.qbytes
    queue.ctime = now_seconds(task)
    msg.expunge(queue)
    return 0


def _msg_info(task: Task, command: int, addr: int) -> int:
    """IPC_INFO: the limits; MSG_INFO: what is in use. Returns the highest index."""
    if not addr:
        raise SysError(EFAULT)
    ns = ipc_ns_of(task)
    ids = ns.ids("msg")
    info = structs.Msginfo(
        ipc.MSGMNI * ipc.MSGMNB // 1024, ipc.MSGMNB, ns.msg_ctlmax, ns.msg_ctlmnb, ns.msg_ctlmni, ipc.MSGSSZ,
        ipc.MSGMNB, ipc.MSGSEG,
    )  # fmt: skip
    if command == ipc.MSG_INFO:
        info.msgpool = len(ids.entries)
        queues = [one for one in ids if isinstance(one, msg.MsgQueue)]
        info.msgmap = sum(len(queue.messages) for queue in queues)
        info.msgtql = sum(queue.cbytes for queue in queues)
    _write(task, addr, info.pack())
    return ids.max_index()
