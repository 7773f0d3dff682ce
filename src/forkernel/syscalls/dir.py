"""Reading directories: getdents and getdents64."""

from __future__ import annotations

from collections.abc import Callable

from forkernel.abi.errno import EINVAL, ENOENT
from forkernel.abi.inotify import IN_ACCESS
from forkernel.abi.stat import DIRENT, DIRENT64, Dirent
from forkernel.abi.types import I32, U32
from forkernel.errors import SysError
from forkernel.fs.fsnotify import fsnotify_file
from forkernel.kernel.task import Task
from forkernel.syscalls.registry import UserBuf, syscall

HEAD64 = DIRENT64.size
HEAD = DIRENT.size


def pack_dirent64(entry: Dirent, after: int) -> bytes:
    """One struct linux_dirent64; `after` is the position of the next entry."""
    name, ino, kind = entry
    size = HEAD64 + len(name) + 8 & ~7
    return (DIRENT64.pack(ino, after, size, kind) + name).ljust(size, b"\0")


def pack_dirent(entry: Dirent, after: int) -> bytes:
    """One struct linux_dirent; the type is its last byte."""
    name, ino, kind = entry
    size = HEAD + len(name) + 2 + 7 & ~7
    return (DIRENT.pack(ino, after, size) + name).ljust(size - 1, b"\0") + bytes([kind])


def iterate_dir(task: Task, fd: int, buf: UserBuf, count: int, pack: Callable[[Dirent, int], bytes]) -> int:
    """Entries from the file's position on, as many as fit (Linux: iterate_dir); EINVAL if not even one does."""
    assert task.files is not None
    file = task.files.get(fd)
    entries = file.getdents(task)
    if file.inode.nlink == 0:
        raise SysError(ENOENT)
    if file.inode.sb.marks:
        fsnotify_file(file, IN_ACCESS)
    parts: list[bytes] = []
    room, at = count, file.pos
    for position in range(at, len(entries)):
        record = pack(entries[position], position + 1)
        room -= len(record)
        if room < 0:
            if not parts:
                raise SysError(EINVAL)
            break
        parts.append(record)
        at = position + 1
    if not parts:
        return 0
    data = b"".join(parts)
    buf.write(data)
    file.pos = at
    return len(data)


@syscall("getdents64")
def sys_getdents64(task: Task, fd: I32, buf: UserBuf, count: U32) -> int:
    """getdents64(2)."""
    return iterate_dir(task, fd, buf, count, pack_dirent64)


@syscall("getdents")
def sys_getdents(task: Task, fd: I32, buf: UserBuf, count: U32) -> int:
    """getdents(2)."""
    return iterate_dir(task, fd, buf, count, pack_dirent)
