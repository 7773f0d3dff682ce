"""kcmp: do two processes share a thing (Linux: kernel/kcmp.c; kcmp(2))?

The answer also orders things that differ, so that a checkpointing program can sort what it found: by where they lie
in the machine's memory. I/O contexts and lists of SEM_UNDO have no place there, and are ordered by who has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EBADF, EINVAL, ENOENT, EPERM, ESRCH
from forkernel.errors import SysError
from forkernel.fs.eventpoll import EventPollFile
from forkernel.kernel.pid import find_task_by_vpid
from forkernel.kernel.ptrace import ptrace_may_access

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.kernel.task import Task

KCMP_FILE, KCMP_VM, KCMP_FILES, KCMP_FS, KCMP_SIGHAND, KCMP_IO, KCMP_SYSVSEM, KCMP_EPOLL_TFD = range(8)
SHARED_FIELDS = {
    KCMP_VM: "mm",
    KCMP_FILES: "files",
    KCMP_FS: "fs",
    KCMP_SIGHAND: "sighand",
    KCMP_IO: "io_context",
    KCMP_SYSVSEM: "sysvsem",
}
"""KCMP_* to the field of Task."""
EQUAL, LESS, GREATER = 0, 1, 2


def _order(first: Any, second: Any, places: tuple[int, int]) -> int:
    """EQUAL for one and the same thing; else by slab address, or by `places` of things that have none."""
    if first is second:
        return EQUAL
    left, right = (getattr(thing, "slab", 0) if thing is not None else -1 for thing in (first, second))
    if left == right:
        left, right = places
    return LESS if left < right else GREATER


def _file(task: Task, fd: int) -> File:
    """The file of a descriptor, O_PATH or not; EBADF."""
    if task.files is None:
        raise SysError(EBADF)
    return task.files.get_raw(fd)


def _epoll_target(task: Task, efd: int, tfd: int, offset: int) -> File:
    """The file that epoll set `efd` of `task` watches as descriptor `tfd`, the `offset`-th of these; EBADF, EINVAL,
    ENOENT (Linux: get_epoll_tfile_raw_ptr).
    """
    epoll = _file(task, efd)
    if not isinstance(epoll, EventPollFile):
        raise SysError(EINVAL)
    watched = [file for fd, file in epoll.items if fd == tfd]
    if offset >= len(watched):
        raise SysError(ENOENT)
    return watched[offset]


def kcmp(task: Task, pid1: int, pid2: int, kind: int, idx1: int, idx2: int) -> int:
    """0 if both processes share it, 1 or 2 for the order of things that differ; ESRCH, EPERM, EINVAL, EBADF, EFAULT.

    `idx1` and `idx2` are descriptors for KCMP_FILE; for KCMP_EPOLL_TFD `idx2` is the address of a struct
    kcmp_epoll_slot (three 32-bit numbers: efd, tfd, toff).
    """
    first, second = find_task_by_vpid(task, pid1), find_task_by_vpid(task, pid2)
    if first is None or second is None:
        raise SysError(ESRCH)
    if not (ptrace_may_access(task, first) and ptrace_may_access(task, second)):
        raise SysError(EPERM)
    places = (first.slab, second.slab)
    if kind == KCMP_FILE:
        return _order(_file(first, idx1 & 0xFFFF_FFFF), _file(second, idx2 & 0xFFFF_FFFF), places)
    if kind == KCMP_EPOLL_TFD:
        assert task.mm is not None
        slot = task.mm.read(idx2, 12)
        efd, tfd, offset = (int.from_bytes(slot[at : at + 4], "little") for at in (0, 4, 8))
        watched = _file(first, idx1 & 0xFFFF_FFFF)
        return _order(watched, _epoll_target(second, efd, tfd, offset), places)
    field = SHARED_FIELDS.get(kind)
    if field is None:
        raise SysError(EINVAL)
    return _order(getattr(first, field), getattr(second, field), places)
