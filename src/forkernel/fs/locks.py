"""File locks: POSIX record locks, open file description locks and flock (Linux: fs/locks.c, fcntl(2), flock(2)).

Life cycle: `posix_lock_inode` and `flock_lock_inode` set, change or drop a lock in an inode's
`FileLockContext`, or find the lock in the way; a blocking call raises Sleep on the context's queue through
a `LockWait` and tries again when any lock goes; `locks_remove_posix` drops a table's locks at each close,
`locks_remove_file` those of an open file at its last one.

Owners: a POSIX lock belongs to a descriptor table (so fork does not inherit it and threads share it), an
OFD or flock lock to the open file.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EAGAIN, EDEADLK, ERESTARTSYS
from forkernel.abi.fcntl import F_UNLCK, F_WRLCK
from forkernel.errors import SysError
from forkernel.wait import Resume, Sleep, WaitQueue

if TYPE_CHECKING:
    from forkernel.fs.file import File

OFFSET_MAX = (1 << 63) - 1
LOCK_SIZE = 216
"""Bytes of kernel memory: struct file_lock."""


class FileLock:
    """A lock on bytes `start`..`end` (inclusive). `pid` is the process that took it, -1 for OFD locks."""

    __slots__ = ("end", "ofd", "owner", "pid", "start", "type")

    def __init__(
        self, owner: Any, pid: int, kind: int, start: int = 0, end: int = OFFSET_MAX, ofd: bool = False
    ) -> None:
        self.owner = owner
        self.pid = pid
        self.type = kind
        self.start = start
        self.end = end
        self.ofd = ofd

    def part(self, start: int, end: int) -> FileLock:
        """The same lock on other bytes."""
        return FileLock(self.owner, self.pid, self.type, start, end, self.ofd)

    def conflicts(self, other: FileLock) -> bool:
        """Whether both cannot be held: other owner, common bytes, one of them a write lock."""
        return (
            self.owner is not other.owner
            and (self.type == F_WRLCK or other.type == F_WRLCK)
            and self.start <= other.end
            and other.start <= self.end
        )


class FileLockContext:
    """All locks of an inode (Linux: file_lock_context)."""

    __slots__ = ("flock", "held", "leases", "wait")

    def __init__(self) -> None:
        self.held: dict[Any, list[FileLock]] = {}
        """POSIX and OFD locks by owner, in order of their coming; each owner's by their first bytes, none touching."""
        self.flock: list[FileLock] = []
        self.leases: list[Any] = []
        """In the order of their coming (fs/lease.py)."""
        self.wait = WaitQueue()
        """Blocked requests; woken whenever a lock is dropped or weakened."""

    @property
    def posix(self) -> list[FileLock]:
        """POSIX and OFD locks, in the order in which /proc/locks shows them."""
        return [lock for locks in self.held.values() for lock in locks]


def locks_get_lock_context(inode: Any) -> FileLockContext:
    """The inode's lock context, made at the first lock."""
    if inode.flctx is None:
        inode.flctx = FileLockContext()
    context: FileLockContext = inode.flctx
    return context


# --- record locks


def posix_test_lock(inode: Any, request: FileLock) -> FileLock | None:
    """F_GETLK: the first lock that keeps `request` from being set."""
    if inode.flctx is None:
        return None
    context: FileLockContext = inode.flctx
    for owner, locks in context.held.items():
        if owner is not request.owner:
            first, last = _touched(locks, request.start, request.end)
            for held in locks[first:last]:
                if held.conflicts(request):
                    return held
    return None


def _touched(locks: list[FileLock], start: int, end: int) -> tuple[int, int]:
    """The slice of an owner's locks that have bytes in `start`..`end`."""
    first = bisect_left(locks, start, key=_end_of)
    return first, bisect_right(locks, end, lo=first, key=_start_of)


def _start_of(lock: FileLock) -> int:
    return lock.start


def _end_of(lock: FileLock) -> int:
    return lock.end


def posix_lock_inode(inode: Any, request: FileLock) -> FileLock | None:
    """Set, change or drop (F_UNLCK) a record lock; the lock in the way if there is one."""
    context = locks_get_lock_context(inode)
    if request.type != F_UNLCK:
        blocker = posix_test_lock(inode, request)
        if blocker is not None:
            return blocker
    mine = context.held.get(request.owner, [])
    first, last = _touched(mine, request.start - 1, request.end + 1)
    changed, weakened = _merge(mine[first:last], request)
    more = len(changed) - (last - first)
    if more > 0:
        inode.sb.kmalloc.charge("file_lock_cache", more * LOCK_SIZE)
    else:
        inode.sb.kmalloc.uncharge("file_lock_cache", -more * LOCK_SIZE)
    mine[first:last] = changed
    if mine:
        context.held[request.owner] = mine
    else:
        context.held.pop(request.owner, None)
    if weakened:
        context.wait.wake_up()
    return None


def _merge(mine: list[FileLock], request: FileLock) -> tuple[list[FileLock], bool]:
    """What becomes of an owner's locks that `request` touches, by start, and whether somebody may have been waiting
    for that.
    """
    start, end = request.start, request.end
    kept: list[FileLock] = []
    weakened = False
    for held in mine:
        if held.type == request.type and held.start <= end + 1 and start <= held.end + 1:
            start, end = min(start, held.start), max(end, held.end)
        elif held.start <= end and start <= held.end:
            weakened = True
            if held.start < start:
                kept.append(held.part(held.start, start - 1))
            if held.end > end:
                kept.append(held.part(end + 1, held.end))
        else:
            kept.append(held)
    if request.type != F_UNLCK:
        kept.append(request.part(start, end))
    kept.sort(key=lambda lock: lock.start)
    return kept, weakened


def locks_remove_posix(file: File, owner: Any) -> None:
    """A descriptor of this file was closed in table `owner`: all its POSIX locks on the file go (fcntl(2))."""
    inode = file.inode
    if inode is not None and inode.flctx is not None and inode.flctx.held:
        posix_lock_inode(inode, FileLock(owner, 0, F_UNLCK))


def locks_remove_file(file: File) -> None:
    """An open file is gone: its OFD and flock locks go too, and its lease."""
    inode = file.inode
    if inode is not None and inode.flctx is not None:
        if inode.flctx.leases:
            from forkernel.fs.lease import locks_remove_lease

            locks_remove_lease(file)
        posix_lock_inode(inode, FileLock(file, 0, F_UNLCK))
        flock_lock_inode(inode, FileLock(file, 0, F_UNLCK))


# --- flock


def flock_lock_inode(inode: Any, request: FileLock) -> FileLock | None:
    """Set, change or drop a whole-file lock; the lock in the way if there is one.

    A change of kind is not atomic: the old lock is given up first, and stays given up if the new one is not
    to be had (flock(2)).
    """
    context = locks_get_lock_context(inode)
    for held in context.flock:
        if held.owner is request.owner:
            if held.type == request.type:
                return None
            context.flock.remove(held)
            context.wait.wake_up()
            break
    if request.type == F_UNLCK:
        return None
    blocker = next((held for held in context.flock if held.conflicts(request)), None)
    if blocker is None:
        context.flock.append(request)
    return blocker


# --- blocking


class LockWait(Resume):
    """A request that waits for a conflicting lock to go. `blocker` is the lock last found in its way."""

    __slots__ = ("blocker", "flock", "inode", "request")

    def __init__(self, inode: Any, request: FileLock, flock: bool) -> None:
        self.inode = inode
        self.request = request
        self.flock = flock
        self.blocker: FileLock | None = None

    def step(self, task: Any) -> int:
        """Try to set the lock. EDEADLK where waiting for a POSIX lock would close a circle."""
        lock = flock_lock_inode if self.flock else posix_lock_inode
        blocker = lock(self.inode, self.request)
        if blocker is None:
            return 0
        if not self.flock and not self.request.ofd and posix_locks_deadlock(task, self.request.owner, blocker):
            raise SysError(EDEADLK)
        self.blocker = blocker
        raise Sleep(locks_get_lock_context(self.inode).wait, resume=self)

    def interrupted(self, task: Any) -> int:
        """A signal ends the wait: EINTR, or a restart."""
        return -ERESTARTSYS


def set_lock(task: Any, inode: Any, request: FileLock, block: bool, flock: bool = False) -> int:
    """Set `request`; with `block` sleep until it can be, else EAGAIN."""
    if block and request.type != F_UNLCK:
        return LockWait(inode, request, flock).step(task)
    lock = flock_lock_inode if flock else posix_lock_inode
    if lock(inode, request) is not None:
        raise SysError(EAGAIN)
    return 0


def posix_locks_deadlock(task: Any, owner: Any, blocker: FileLock) -> bool:
    """Whether the holder of `blocker` waits, directly or through others, for a lock of `owner`."""
    waiting: dict[int, FileLock] = {}
    for other in task.system.all_tasks():
        wait = other.sleep.resume if other.sleep is not None else None
        if isinstance(wait, LockWait) and not wait.flock and not wait.request.ofd and wait.blocker is not None:
            waiting[id(wait.request.owner)] = wait.blocker  # a key for this search only: never kept or ordered by
    seen: list[Any] = []
    holder = blocker.owner
    while holder is not owner:
        following = waiting.get(id(holder))
        if following is None or any(holder is one for one in seen):
            return False
        seen.append(holder)
        holder = following.owner
    return True
