"""System V shared memory (Linux: ipc/shm.c; shmget(2), shmat(2), shmctl(2)).

Life of a segment: `newseg` makes it, with pages that appear when they are touched (mm/shmem.py); `do_shmat`
maps it, each time through a `ShmFile` of its own; munmap, execve and exit unmap it. The number of attachments is
the number of areas that map it, in all address spaces: it is counted from the mapping's users, so that fork,
which copies areas in constant time, need not touch it. IPC_RMID destroys the segment once nobody has it attached.

Areas of a segment have VM_SHM set: fork, unmapping and the end of an address space then call `shm_open` and
`shm_close`, which note who did it last and when.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.capability import CAP_IPC_LOCK
from forkernel.abi.errno import EINVAL, ENOMEM, ENOSPC, EPERM
from forkernel.abi.ipc import (
    S_IRUGO,
    S_IWUGO,
    S_IXUGO,
    SHM_DEST,
    SHM_EXEC,
    SHM_HUGETLB,
    SHM_LOCKED,
    SHM_RDONLY,
    SHM_REMAP,
    SHM_RND,
    SHMMIN,
)
from forkernel.abi.ipc_structs import ShmidDs
from forkernel.abi.mman import MAP_FIXED, MAP_SHARED, PROT_EXEC, PROT_READ, PROT_WRITE, RLIMIT_MEMLOCK
from forkernel.errors import SysError
from forkernel.fs.inode import global_caps
from forkernel.kernel.cred import capable
from forkernel.kernel.ipc_namespace import IpcNamespace, ipc_ns_of
from forkernel.kernel.ipc_util import (
    KernIpcPerm,
    check_perms,
    forget_pid,
    ipc_obtain_object_check,
    ipc_update_pid,
    ipcget,
    now_seconds,
)
from forkernel.kernel.pid import Pid, pid_vnr
from forkernel.mm.mmap import do_mmap, do_munmap
from forkernel.mm.shmem import ShmemFile, ShmemMapping
from forkernel.mm.vma import PAGE_SHIFT, PAGE_SIZE, VM_SHM

if TYPE_CHECKING:
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task
    from forkernel.mm.vma import Vma

MASK64 = (1 << 64) - 1


class ShmSegment(KernIpcPerm):
    """A segment (Linux: shmid_kernel). `segsz` in bytes, as asked for; times in seconds."""

    __slots__ = ("atim", "cprid", "ctim", "dtim", "locked_by", "lprid", "map_name", "mapping", "ns", "segsz")

    def __init__(self, task: Task, ns: IpcNamespace, key: int, mode: int, size: int) -> None:
        super().__init__(task, key, mode)
        self.ns = ns
        self.segsz = size
        self.map_name = b"/SYSV%08x (deleted)" % (key & 0xFFFFFFFF)
        """In /proc/PID/maps; the key that it was made with, for ever."""
        self.mapping = ShmemMapping(task.system.frames, size)
        self.atim = self.dtim = 0
        self.ctim = now_seconds(task)
        self.cprid: Pid | None = ipc_update_pid(None, task)
        self.lprid: Pid | None = None
        self.locked_by: int | None = None
        """The user whose RLIMIT_MEMLOCK the lock counts against; None: not locked, or by a privileged one."""

    @property
    def pages(self) -> int:
        """Size in pages."""
        return self.segsz + PAGE_SIZE - 1 >> PAGE_SHIFT

    @property
    def nattch(self) -> int:
        """Areas that map it, in all address spaces; lists shared since fork count once for each owner."""
        return sum(count * len(sharing.owners) for sharing, count in self.mapping.users.items())

    def pack(self, task: Task) -> bytes:
        """As struct shmid64_ds, for `task`."""
        pids = pid_vnr(self.cprid, task), pid_vnr(self.lprid, task)
        rest = ShmidDs(self.segsz, self.atim, self.dtim, self.ctim, *pids, self.nattch)
        return self.pack_perm(task.cred.user_ns) + rest.pack()


class ShmFile(ShmemFile):
    """What an attachment is a mapping of (Linux: the file made by do_shmat)."""

    __slots__ = ("map_name", "segment", "writable")

    def __init__(self, segment: ShmSegment, writable: bool) -> None:
        super().__init__(segment.mapping, segment.id)
        self.segment = segment
        self.writable = writable
        self.map_name = segment.map_name

    def get(self) -> ShmFile:
        """Mapped by an address space."""
        self.refs += 1
        return self

    def put(self) -> None:
        """No longer mapped by one: a segment to be removed goes with its last attachment."""
        self.refs -= 1
        if self.refs == 0:
            self.free_slab()
        segment = self.segment
        if segment.mode & SHM_DEST and not segment.deleted and not segment.mapping.users:
            shm_destroy(segment)

    def shm_open(self, system: System) -> None:
        """An area more: attached, or copied by fork."""
        segment, task = self.segment, system.current
        segment.atim = now_seconds(task)
        segment.lprid = ipc_update_pid(segment.lprid, task)

    def shm_close(self, system: System) -> None:
        """An area fewer."""
        segment, task = self.segment, system.current
        segment.dtim = now_seconds(task)
        segment.lprid = ipc_update_pid(segment.lprid, task)


# --- making and destroying


def shmget(task: Task, key: int, size: int, flags: int) -> int:
    """The segment with a key, made if it is to be (shmget(2))."""
    ns = ipc_ns_of(task)

    def check(perm: KernIpcPerm) -> None:
        if perm.segsz < size:  # type: ignore[attr-defined]  # a ShmSegment
            raise SysError(EINVAL)

    return ipcget(task, ns.ids("shm"), key, flags, lambda: newseg(task, ns, key, size, flags), check)


def newseg(task: Task, ns: IpcNamespace, key: int, size: int, flags: int) -> int:
    """A new segment; EINVAL for its size, ENOSPC by the limits, ENOMEM where memory can never hold it."""
    if size < SHMMIN or size > ns.shm_ctlmax:
        raise SysError(EINVAL)
    pages = size + PAGE_SIZE - 1 >> PAGE_SHIFT
    if pages << PAGE_SHIFT > MASK64 or ns.shm_tot + pages > ns.shm_ctlall:
        raise SysError(ENOSPC)
    if flags & SHM_HUGETLB or pages > task.system.frames.total:
        raise SysError(ENOMEM)  # no huge pages are reserved
    number = ns.ids("shm").add(ShmSegment(task, ns, key, flags, size), ns.shm_ctlmni)
    ns.shm_tot += pages
    return number


def find_segment(task: Task, number: int) -> ShmSegment:
    """The segment with this number; EINVAL."""
    found = ipc_obtain_object_check(ipc_ns_of(task).ids("shm"), number)
    assert isinstance(found, ShmSegment)
    return found


def do_shm_rmid(ns: IpcNamespace, segment: ShmSegment) -> None:
    """IPC_RMID: at once, or with the last attachment; until then the key finds it no more."""
    if segment.mapping.users:
        segment.mode |= SHM_DEST
        ns.ids("shm").forget_key(segment)
    else:
        shm_destroy(segment)


def shm_destroy(segment: ShmSegment) -> None:
    """Nobody has it attached: number and pages are free."""
    ns = segment.ns
    ns.shm_tot -= segment.pages
    ns.ids("shm").remove(segment)
    segment.mapping.release()
    forget_pid(segment.cprid)
    forget_pid(segment.lprid)
    segment.cprid = segment.lprid = None


# --- attaching


def do_shmat(task: Task, number: int, addr: int, flags: int) -> int:
    """shmat(2): the address."""
    if number < 0:
        raise SysError(EINVAL)
    map_flags = MAP_SHARED
    if addr:
        if addr & PAGE_SIZE - 1:
            if not flags & SHM_RND:
                raise SysError(EINVAL)
            addr &= ~(PAGE_SIZE - 1)
            if not addr and flags & SHM_REMAP:
                raise SysError(EINVAL)
        map_flags |= MAP_FIXED
    elif flags & SHM_REMAP:
        raise SysError(EINVAL)
    prot, access = PROT_READ, S_IRUGO
    if not flags & SHM_RDONLY:
        prot, access = prot | PROT_WRITE, access | S_IWUGO
    if flags & SHM_EXEC:
        prot, access = prot | PROT_EXEC, access | S_IXUGO
    segment = find_segment(task, number)
    check_perms(task, segment, access)
    mm = task.mm
    assert mm is not None
    if addr and not flags & SHM_REMAP:
        end = addr + segment.segsz
        if end > MASK64 or mm.vmas.find_intersection(addr, end):
            raise SysError(EINVAL)
    file = ShmFile(segment, not flags & SHM_RDONLY).get()
    caps = global_caps(task.cred)
    try:
        return do_mmap(mm, addr, segment.segsz, prot, map_flags, file, 0, caps=caps, extra=VM_SHM)
    finally:
        file.put()


def ksys_shmdt(task: Task, addr: int) -> None:
    """shmdt(2): unmap what is left of the attachment that was made at `addr`."""
    if addr & PAGE_SIZE - 1:
        raise SysError(EINVAL)
    mm = task.mm
    assert mm is not None
    found: Vma | None = None
    for vma in mm.vmas:
        if vma.end <= addr:
            continue
        if found is not None and vma.start >= addr + found.file.segment.segsz:
            break
        is_ours = vma.flags & VM_SHM and vma.start - addr == vma.pgoff << PAGE_SHIFT
        if is_ours and (found is None or vma.file is found.file):
            found = vma
            do_munmap(mm, vma.start, vma.end - vma.start)
    if found is None:
        raise SysError(EINVAL)


# --- locking


def shm_lock(task: Task, segment: ShmSegment, lock: bool) -> None:
    """SHM_LOCK and SHM_UNLOCK: pages are never swapped out anyway; EPERM, ENOMEM by RLIMIT_MEMLOCK."""
    limit = task.signal.rlim[RLIMIT_MEMLOCK][0]
    privileged = capable(task, CAP_IPC_LOCK)
    if not privileged and (task.cred.euid not in (segment.uid, segment.cuid) or (lock and not limit)):
        raise SysError(EPERM)
    if lock == bool(segment.mode & SHM_LOCKED):
        return
    if not lock:
        segment.mode &= ~SHM_LOCKED
        segment.locked_by = None
        return
    user = task.cred.uid
    if not privileged:
        held = sum(other.pages for other in all_segments(task.system) if other.locked_by == user)
        if held + segment.pages > limit >> PAGE_SHIFT:
            raise SysError(ENOMEM)
    segment.mode |= SHM_LOCKED
    segment.locked_by = user


def all_segments(system: System) -> list[ShmSegment]:
    """The segments of all namespaces."""
    tables = [ns.shm_ids for ns in system.ipc_namespaces if ns.shm_ids is not None]
    return [perm for ids in tables for perm in ids if isinstance(perm, ShmSegment)]
