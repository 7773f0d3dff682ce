"""Leases on files: who holds one is told before somebody else opens the file (Linux: fs/locks.c, fcntl(2)).

Life cycle: `setlease` takes, changes or gives up the lease of an open file; it stands in the inode's lock context.
`break_lease`, called by open and truncate, marks the leases in the way as to be given up, tells their holders by
SIGIO, and has the caller wait until they are gone, or until their time is over (/proc/sys/fs/lease-break-time).
`locks_remove_lease` ends one with its file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EACCES, EAGAIN, EINVAL, EWOULDBLOCK
from forkernel.abi.fcntl import F_OWNER_PID, F_RDLCK, F_UNLCK, F_WRLCK, O_NONBLOCK
from forkernel.abi.stat import s_isreg
from forkernel.errors import SysError
from forkernel.fs.fasync import POLL_MSG, f_setown, owner_of, receivers, send_sigio_to_task
from forkernel.fs.inode import global_caps
from forkernel.fs.locks import locks_get_lock_context
from forkernel.wait import Sleep

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.fs.inode import Inode
    from forkernel.kernel.task import Task

CAP_LEASE = 1 << 28
NSEC_PER_SEC = 10**9


class Lease:
    """A lease (Linux: file_lease)."""

    __slots__ = ("break_time", "fd", "file", "to", "type")

    def __init__(self, file: File, fd: int, kind: int) -> None:
        self.file = file
        self.fd = fd
        """The descriptor that it was taken by, for siginfo."""
        self.type = kind
        """F_RDLCK or F_WRLCK."""
        self.to: int | None = None
        """What it is to become, F_RDLCK or F_UNLCK, once somebody waits for that; None before."""
        self.break_time = 0
        """CLOCK_MONOTONIC at which it becomes so by itself."""

    def tell(self) -> None:
        """SIGIO, or the signal of F_SETSIG, to the holder (Linux: lease_break_callback)."""
        owner = owner_of(self.file)
        if owner.pid is not None:
            owner.fd = self.fd
            for task, group in receivers(owner):
                send_sigio_to_task(owner, task, group, POLL_MSG)


def leases_of(inode: Inode) -> list[Lease]:
    """The leases on a file."""
    leases: list[Lease] = inode.flctx.leases if inode.flctx is not None else []
    return leases


def getlease(task: Task, file: File) -> int:
    """F_GETLEASE: the file's lease, or what it is to become."""
    for lease in leases_of(file.inode):
        if lease.file is file:
            time_out_leases(task, file.inode)
            break
    for lease in leases_of(file.inode):
        if lease.file is file:
            return lease.type if lease.to is None else lease.to
    return F_UNLCK


def setlease(task: Task, file: File, fd: int, kind: int) -> None:
    """F_SETLEASE. EAGAIN when others have the file open, or there is nothing to give up; EACCES, EINVAL."""
    inode = file.inode
    if kind not in (F_RDLCK, F_WRLCK, F_UNLCK):
        raise SysError(EINVAL)
    mine = next((lease for lease in leases_of(inode) if lease.file is file), None)
    if kind == F_UNLCK:
        if mine is None:
            raise SysError(EAGAIN)
        modify(inode, mine, F_UNLCK)
        return
    if inode.uid != task.cred.fsuid and not global_caps(task.cred) & CAP_LEASE:
        raise SysError(EACCES)
    if not s_isreg(inode.mode):
        raise SysError(EINVAL)
    time_out_leases(task, inode)
    check_conflicting_open(file, kind)
    others = [lease for lease in leases_of(inode) if lease is not mine]
    if others and (kind == F_WRLCK or any(lease.to == F_UNLCK for lease in others)):
        raise SysError(EAGAIN)
    if mine in leases_of(inode) and mine is not None:
        modify(inode, mine, kind)
        return
    locks_get_lock_context(inode).leases.append(Lease(file, fd, kind))
    if owner_of(file).pid is None:
        leader = task.group_leader.thread_pid
        f_setown(task, file, F_OWNER_PID, leader.nr_ns(task.thread_pid.ns))


def check_conflicting_open(file: File, kind: int) -> None:
    """A lease to read allows no writer, one to write nobody else at all."""
    inode = file.inode
    if kind == F_RDLCK:
        if inode.writecount > 0:
            raise SysError(EAGAIN)
        return
    marked = bool(inode.sb.marks and inode in inode.sb.marks)
    if inode.opens - marked != 1 or inode.writecount != (1 if file.writable else 0):
        raise SysError(EAGAIN)


def modify(inode: Inode, lease: Lease, kind: int) -> None:
    """The lease becomes `kind`; who waits for that looks again (Linux: lease_modify)."""
    context = locks_get_lock_context(inode)
    lease.type, lease.to = kind, None
    if kind == F_UNLCK:
        context.leases.remove(lease)
    context.wait.wake_up()


def time_out_leases(task: Task, inode: Inode) -> None:
    """Leases whose time is over become what was asked for."""
    now = task.system.clock.monotonic()
    for lease in list(leases_of(inode)):
        if lease.to is not None and lease.break_time and now >= lease.break_time:
            modify(inode, lease, lease.to)


def break_lease(task: Task, inode: Inode, want_write: bool, flags: int) -> None:
    """The file is about to be opened, or truncated: return when no lease is in the way. EWOULDBLOCK, Sleep."""
    time_out_leases(task, inode)
    inside = [lease for lease in leases_of(inode) if want_write or lease.type == F_WRLCK]
    if not inside:
        return
    limit = task.system.vfs.lease_break_time * NSEC_PER_SEC
    for lease in inside:
        if lease.to == F_UNLCK or (lease.to is not None and not want_write):
            continue
        lease.to = F_UNLCK if want_write else F_RDLCK
        lease.break_time = task.system.clock.monotonic() + limit if limit else 0
        lease.tell()
    if flags & O_NONBLOCK:
        raise SysError(EWOULDBLOCK)
    times = [lease.break_time for lease in inside if lease.break_time]
    raise Sleep(locks_get_lock_context(inode).wait, deadline=min(times) if times else None)


def locks_remove_lease(file: Any) -> None:
    """The file is closed: so is its lease."""
    inode = file.inode
    for lease in list(leases_of(inode)):
        if lease.file is file:
            modify(inode, lease, F_UNLCK)
