"""memfd_create: a file in memory without a name, and its seals (Linux: mm/memfd.c, memfd_create(2)).

The file is a page cache of its own on an internal tmpfs. Seals, once added, can never be taken back.
"""

from __future__ import annotations

from typing import Any

from forkernel.abi.errno import EBUSY, EINVAL, EPERM
from forkernel.abi.fcntl import (
    F_SEAL_EXEC,
    F_SEAL_FUTURE_WRITE,
    F_SEAL_GROW,
    F_SEAL_SEAL,
    F_SEAL_SHRINK,
    F_SEAL_WRITE,
    FALLOC_FL_KEEP_SIZE,
    FALLOC_FL_PUNCH_HOLE,
    O_LARGEFILE,
    O_RDWR,
)
from forkernel.errors import SysError
from forkernel.fs.anon import internal_sb
from forkernel.fs.file import File, RegFile
from forkernel.fs.pagecache import RegInode
from forkernel.fs.tmpfs import TmpfsSuperblock

F_ALL_SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_EXEC
MFD_CLOEXEC = 0x1
MFD_ALLOW_SEALING = 0x2
MFD_HUGETLB = 0x4
MFD_NOEXEC_SEAL = 0x8
MFD_EXEC = 0x10


class MemfdInode(RegInode):
    """The file in memory. `seals` are F_SEAL_* bits."""

    __slots__ = ("seals",)

    def __init__(self, sb: TmpfsSuperblock, perm: int, uid: int, gid: int, seals: int) -> None:
        super().__init__(sb, perm, uid, gid)
        self.nlink = 0
        self.seals = seals

    def pwrite(self, offset: int, data: bytes) -> int:
        """Write; EPERM against a seal."""
        if self.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE):
            raise SysError(EPERM)
        if self.seals & F_SEAL_GROW and offset + len(data) > self.size:
            raise SysError(EPERM)
        return super().pwrite(offset, data)

    def truncate(self, size: int) -> None:
        """Set the length; EPERM against a seal."""
        seal = F_SEAL_SHRINK if size < self.size else F_SEAL_GROW if size > self.size else 0
        if self.seals & seal:
            raise SysError(EPERM)
        super().truncate(size)

    def allocate(self, mode: int, offset: int, length: int) -> None:
        """fallocate; EPERM against a seal."""
        if mode & FALLOC_FL_PUNCH_HOLE:
            if self.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE):
                raise SysError(EPERM)
        elif self.seals & F_SEAL_GROW and offset + length > self.size and not mode & FALLOC_FL_KEEP_SIZE:
            raise SysError(EPERM)
        super().allocate(mode, offset, length)

    def setattr(
        self,
        *,
        mode: int | None = None,
        uid: int | None = None,
        gid: int | None = None,
        atime: int | None = None,
        mtime: int | None = None,
    ) -> None:
        """Change attributes; F_SEAL_EXEC keeps the x bits as they are (EPERM)."""
        if mode is not None and self.seals & F_SEAL_EXEC and (mode ^ self.mode) & 0o111:
            raise SysError(EPERM)
        super().setattr(mode=mode, uid=uid, gid=gid, atime=atime, mtime=mtime)


def memfd_create(task: Any, name: bytes, flags: int) -> File:
    """An empty file, open for reading and writing; shown as /memfd:NAME (deleted)."""
    sb = internal_sb(task.system.vfs, b"tmpfs")
    perm = 0o666 if flags & MFD_NOEXEC_SEAL else 0o777
    seals = F_SEAL_EXEC if flags & MFD_NOEXEC_SEAL else 0
    if not flags & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL):
        seals = F_SEAL_SEAL
    sb.charge_inode()
    inode = MemfdInode(sb, perm, task.cred.fsuid, task.cred.fsgid, seals)
    path = task.system.vfs.pseudo_path(inode, b"/memfd:" + name + b" (deleted)")
    try:
        return RegFile(inode, O_RDWR | O_LARGEFILE, path)
    except SysError:
        inode.evict()
        raise


def get_seals(file: File) -> int:
    """F_GET_SEALS; EINVAL for a file that cannot be sealed."""
    if isinstance(file.inode, MemfdInode):
        return file.inode.seals
    raise SysError(EINVAL)


def add_seals(file: File, seals: int) -> int:
    """F_ADD_SEALS: EPERM for a file not writable or sealed against it, EBUSY while it is mapped writable."""
    inode = file.inode
    if not file.writable:
        raise SysError(EPERM)
    if seals & ~F_ALL_SEALS or not isinstance(inode, MemfdInode):
        raise SysError(EINVAL)
    if inode.seals & F_SEAL_SEAL:
        raise SysError(EPERM)
    if seals & F_SEAL_WRITE and not inode.seals & F_SEAL_WRITE and is_writably_mapped(inode):
        raise SysError(EBUSY)
    if seals & F_SEAL_EXEC and inode.mode & 0o111:
        seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE
    inode.seals |= seals
    return 0


def is_writably_mapped(inode: MemfdInode) -> bool:
    """Whether an area of some program may write to the pages (Linux: mapping_writably_mapped)."""
    return any(user.maps_writable(inode) for user in inode.users)
