"""Calls about file systems as such: sysfs(2), ustat(2), and what cachestat tells of a file's page cache."""

from __future__ import annotations

import struct

from forkernel.abi.errno import EINVAL
from forkernel.abi.types import I32, U32, U64
from forkernel.errors import SysError
from forkernel.kernel.task import Task
from forkernel.mm.uaccess import UserBuf, UserStr
from forkernel.mm.vma import PAGE_SHIFT
from forkernel.syscalls.registry import syscall

FIND_INDEX, FIND_NAME, COUNT = 1, 2, 3
_USTAT = struct.Struct("<i4xQ6s6s4x")
_RANGE = struct.Struct("<2Q")
_CACHESTAT = struct.Struct("<5Q")


@syscall("sysfs")
def sys_sysfs(task: Task, option: I32, arg1: U64, arg2: U64) -> int:
    """The file system types that the kernel knows, by number: in the order of /proc/filesystems; sysfs(2)."""
    types = list(task.system.vfs.filesystems)
    assert task.mm is not None
    if option == FIND_INDEX:
        name = UserStr(task.mm, arg1).get()
        if name not in types:
            raise SysError(EINVAL)
        return types.index(name)
    if option == FIND_NAME:
        if arg1 >= len(types):
            raise SysError(EINVAL)
        task.mm.write(arg2, types[arg1] + b"\0")
        return 0
    if option == COUNT:
        return len(types)
    raise SysError(EINVAL)


@syscall("ustat")
def sys_ustat(task: Task, dev: U32, buf: UserBuf) -> int:
    """Free blocks and inodes of a mounted file system; EINVAL for a device that is none; ustat(2)."""
    for mount in task.nsproxy.mnt_ns.mounts():
        sb = mount.root.inode.sb
        if sb.dev == dev:
            figures = sb.statfs()
            buf.write(_USTAT.pack(figures.f_bfree & 0x7FFF_FFFF, figures.f_ffree, b"", b""))
            return 0
    raise SysError(EINVAL)


@syscall("cachestat")
def sys_cachestat(task: Task, fd: I32, urange: UserBuf, ucstat: UserBuf, flags: U32) -> int:
    """How many pages of a file's range are in memory, and how many of them differ from what is behind them.

    Nothing is under writeback or recently evicted: a changed page is never written back; cachestat(2).
    """
    assert task.files is not None
    file = task.files.get(fd)
    offset, length = _RANGE.unpack(urange.read(_RANGE.size))
    if flags:
        raise SysError(EINVAL)
    first = offset >> PAGE_SHIFT
    last = offset + length - 1 >> PAGE_SHIFT if length else 1 << 64
    changed = getattr(file.inode, "dirty", ())
    pages = [index for index in getattr(file.inode, "pages", ()) if first <= index <= last]
    ucstat.write(_CACHESTAT.pack(len(pages), sum(index in changed for index in pages), 0, 0, 0))
    return 0
