"""What the three kinds of System V objects have in common: numbers, keys, permissions (Linux: ipc/util.c).

An object is found by its number (`ipc_obtain_object_check`) or by a key (`ipcget`). A number is
seq * 32768 + index: the index goes round, and seq grows each time that it does, so that an old number does
not soon mean another object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from forkernel.abi.capability import CAP_IPC_OWNER, CAP_SYS_ADMIN
from forkernel.abi.errno import EACCES, EEXIST, EINVAL, ENOENT, ENOSPC, EPERM
from forkernel.abi.ipc import IPC_CREAT, IPC_EXCL, IPC_PRIVATE, IPCMNI
from forkernel.abi.ipc_structs import IpcPerm
from forkernel.errors import SysError
from forkernel.kernel.cred import ns_capable
from forkernel.kernel.ipc_namespace import IpcNamespace, ipc_ns_of
from forkernel.kernel.pid import Pid, get_pid, put_pid, task_tgid
from forkernel.namespace import INVALID_ID, UserNamespace

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

MIN_CYCLE = 64
"""Indices are used in turn up to this at least, and up to half as many again as are in use."""
NSEC_PER_SEC = 1_000_000_000


class KernIpcPerm:
    """One object: owner, creator, mode, key and number (Linux: kern_ipc_perm)."""

    __slots__ = ("cgid", "cuid", "deleted", "gid", "id", "key", "mode", "seq", "uid")

    def __init__(self, task: Task, key: int, mode: int) -> None:
        cred = task.cred
        self.cuid = self.uid = cred.euid
        self.cgid = self.gid = cred.egid
        self.key = key
        self.mode = mode & 0o777
        self.id = self.seq = 0
        self.deleted = False

    def pack_perm(self, user_ns: UserNamespace) -> bytes:
        """As struct ipc64_perm, with the IDs of the reader's user namespace."""
        return IpcPerm(self.key, *self.owners(user_ns), self.mode, self.seq).pack()

    def owners(self, user_ns: UserNamespace) -> tuple[int, int, int, int]:
        """uid, gid, cuid and cgid as seen from a user namespace."""
        uid, gid = user_ns.from_kuid_munged, user_ns.from_kgid_munged
        return uid(self.uid), gid(self.gid), uid(self.cuid), gid(self.cgid)


P = TypeVar("P", bound=KernIpcPerm)


class IpcIds:
    """The objects of one kind in one namespace."""

    __slots__ = ("entries", "keys", "last_idx", "next_idx", "seq")

    def __init__(self) -> None:
        self.entries: dict[int, KernIpcPerm] = {}
        """By index."""
        self.keys: dict[int, KernIpcPerm] = {}
        """Those with a key that is not IPC_PRIVATE."""
        self.seq = 0
        self.last_idx = -1
        self.next_idx = 0

    def __iter__(self) -> Iterator[KernIpcPerm]:
        """All objects in order of index."""
        return iter([self.entries[index] for index in sorted(self.entries)])

    def max_index(self) -> int:
        """The highest index in use, 0 if there is none: what the *_INFO commands return."""
        return max(self.entries) if self.entries else 0

    def add(self, perm: KernIpcPerm, limit: int) -> int:
        """Give an object its number; ENOSPC when `limit` objects exist (Linux: ipc_addid)."""
        in_use = len(self.entries)
        if in_use >= min(limit, IPCMNI):
            raise SysError(ENOSPC)
        index = self._free_index(min(max(in_use * 3 // 2, MIN_CYCLE), IPCMNI))
        self.next_idx = index + 1
        if index <= self.last_idx:
            self.seq = (self.seq + 1) % (0x7FFFFFFF // IPCMNI)
        self.last_idx = index
        perm.seq = self.seq
        perm.id = self.seq * IPCMNI + index
        self.entries[index] = perm
        if perm.key != IPC_PRIVATE:
            self.keys[perm.key] = perm
        return perm.id

    def _free_index(self, end: int) -> int:
        """The next free index, round and round below `end`."""
        for index in chain(range(self.next_idx, end), range(min(self.next_idx, end))):
            if index not in self.entries:
                return index
        raise SysError(ENOSPC)

    def remove(self, perm: KernIpcPerm) -> None:
        """The object goes (Linux: ipc_rmid)."""
        del self.entries[perm.id % IPCMNI]
        self.forget_key(perm)
        perm.deleted = True

    def forget_key(self, perm: KernIpcPerm) -> None:
        """The object can no longer be found by its key (Linux: ipc_set_key_private)."""
        if self.keys.get(perm.key) is perm:
            del self.keys[perm.key]
        perm.key = IPC_PRIVATE

    def at_index(self, number: int) -> KernIpcPerm:
        """The object at a number's index, whatever its seq (the *_STAT commands); EINVAL."""
        found = self.entries.get(number % IPCMNI) if number >= 0 else None
        if found is None:
            raise SysError(EINVAL)
        return found


def ipc_obtain_object_check(ids: IpcIds, number: int) -> KernIpcPerm:
    """The object with this number; EINVAL."""
    found = ids.at_index(number)
    if found.id != number:
        raise SysError(EINVAL)
    return found


def ipcperms(task: Task, perm: KernIpcPerm, flag: int) -> bool:
    """Whether the task may do what the permission bits in `flag` say (Linux: ipcperms)."""
    wanted = flag >> 6 | flag >> 3 | flag
    granted = perm.mode
    cred = task.cred
    if cred.euid in (perm.cuid, perm.uid):
        granted >>= 6
    elif cred.in_group(perm.cgid) or cred.in_group(perm.gid):
        granted >>= 3
    return not wanted & ~granted & 7 or ns_capable(task, ipc_ns_of(task).user_ns, CAP_IPC_OWNER)


def check_perms(task: Task, perm: KernIpcPerm, flag: int) -> None:
    """EACCES where `ipcperms` says no."""
    if not ipcperms(task, perm, flag):
        raise SysError(EACCES)


def ipcget(
    task: Task, ids: IpcIds, key: int, flags: int, create: Callable[[], int], check: Callable[[KernIpcPerm], None]
) -> int:
    """The number of the object with `key`, made if it is to be (semget(2), shmget(2), msgget(2)).

    `check` refuses an existing object that is too small. ENOENT, EEXIST, EACCES, and what the two raise.
    """
    if key == IPC_PRIVATE:
        return create()
    found = ids.keys.get(key)
    if found is None:
        if not flags & IPC_CREAT:
            raise SysError(ENOENT)
        return create()
    if flags & IPC_CREAT and flags & IPC_EXCL:
        raise SysError(EEXIST)
    check(found)
    check_perms(task, found, flags)
    return found.id


def check_owner(task: Task, perm: KernIpcPerm) -> None:
    """IPC_SET and IPC_RMID are for owner and creator, and for CAP_SYS_ADMIN: EPERM."""
    if task.cred.euid in (perm.cuid, perm.uid):
        return
    if not ns_capable(task, ipc_ns_of(task).user_ns, CAP_SYS_ADMIN):
        raise SysError(EPERM)


def ipc_update_perm(task: Task, perm: KernIpcPerm, new: IpcPerm) -> None:
    """IPC_SET: another owner and mode; EINVAL for an ID that is none."""
    uid, gid = task.cred.user_ns.make_kuid(new.uid), task.cred.user_ns.make_kgid(new.gid)
    if INVALID_ID in (uid, gid):
        raise SysError(EINVAL)
    perm.uid, perm.gid = uid, gid
    perm.mode = perm.mode & ~0o777 | new.mode & 0o777


def ipc_update_pid(old: Pid | None, task: Task) -> Pid:
    """The process that did something last, in the place of another (Linux: ipc_update_pid)."""
    pid = task_tgid(task)
    if old is not pid:
        get_pid(pid)
        forget_pid(old)
    return pid


def forget_pid(pid: Pid | None) -> None:
    """The object that remembered it goes."""
    if pid is not None:
        put_pid(pid)


def now_seconds(task: Task) -> int:
    """CLOCK_REALTIME in seconds: what the structs' times are in."""
    return task.system.clock.realtime() // NSEC_PER_SEC


def free_ipcs(ns: IpcNamespace) -> None:
    """The namespace goes, with every object in it."""
    if ns.sem_ids is not None:
        from forkernel.kernel.sem import freeary

        for perm in ns.sem_ids:
            freeary(ns, perm)  # type: ignore[arg-type]  # the table holds sets only
    if ns.msg_ids is not None:
        from forkernel.kernel.msg import freeque

        for perm in ns.msg_ids:
            freeque(ns, perm)  # type: ignore[arg-type]
    if ns.shm_ids is not None:
        from forkernel.kernel.shm import do_shm_rmid

        for perm in ns.shm_ids:
            do_shm_rmid(ns, perm)  # type: ignore[arg-type]
