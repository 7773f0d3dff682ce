"""/proc/PID/pagemap and map_files: what lies behind addresses, page by page (Linux: fs/proc/task_mmu.c, base.c)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from forkernel.abi.capability import CAP_SYS_ADMIN
from forkernel.abi.errno import EACCES, EBADF, EINVAL, ENOENT, EPERM
from forkernel.abi.stat import S_IFLNK
from forkernel.errors import SysError
from forkernel.fs.dentry import Path
from forkernel.fs.inode import Inode
from forkernel.fs.proc.access import check_memory
from forkernel.fs.proc.inode import MagicLink, ProcDir, ProcFile, ProcReg

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.fs.proc.base import TaskDir
    from forkernel.kernel.task import Task

ENTRY_BYTES = 8
ENTRIES_AT_ONCE = 1 << 16
PAGES = 0x7FFF_FFFF_F000 >> 12
"""Pages that an address space can have."""
VM_READ, VM_WRITE = 0x1, 0x2


class PagemapFile(ProcFile):
    """An open pagemap: eight bytes for each page; it means the address space of the open."""

    __slots__ = ("mm", "show_pfn")

    def __init__(self, inode: ProcReg, flags: int, mm: Any, show_pfn: bool) -> None:
        super().__init__(inode, flags)
        self.mm = mm
        self.show_pfn = show_pfn

    def pread(self, task: Task, offset: int, count: int) -> bytes:
        """Entries from byte `offset`; EINVAL for parts of an entry."""
        if not self.readable:
            raise SysError(EBADF)
        if self.mm is None or not self.mm.users:
            return b""
        if offset % ENTRY_BYTES or count % ENTRY_BYTES:
            raise SysError(EINVAL)
        first = offset // ENTRY_BYTES
        pages = min(count // ENTRY_BYTES, PAGES - first, ENTRIES_AT_ONCE)
        if pages <= 0:
            return b""
        found = self.inode.sb.kernel.pagemap(self.mm, first, pages, self.show_pfn)
        return struct.pack(f"<{pages}Q", *found)


def open_pagemap(inode: Any, task: Task, flags: int) -> File:
    """Open it; EACCES, ESRCH. Frame numbers are shown to who has CAP_SYS_ADMIN at the open."""
    check_memory(inode, task)
    return PagemapFile(inode, flags, inode.get_task().mm, inode.sb.kernel.capable(task, CAP_SYS_ADMIN))


class MapFilesDir(ProcDir):
    """/proc/PID/map_files: a magic link for each area of a file, named by its addresses."""

    __slots__ = ("dir",)

    def __init__(self, parent: TaskDir) -> None:
        super().__init__(parent.sb, 0o500)
        self.dir = parent

    def get_mm(self, reader: Task) -> Any:
        """The address space; ENOENT once the task is gone, EACCES for who may not look."""
        target = self.dir.task()
        if target is None:
            raise SysError(ENOENT)
        if not self.sb.kernel.ptrace_may_access(reader, target):
            raise SysError(EACCES)
        return target.mm

    def find(self, reader: Task, name: bytes) -> Any:
        """The area with these addresses; None."""
        mm = self.get_mm(reader)
        for vma in () if mm is None else mm.vmas:
            if getattr(vma.file, "path", None) is not None and name == area_name(vma):
                return vma
        return None

    def lookup(self, task: Task, name: bytes) -> Inode | None:
        """The link of an area."""
        vma = self.find(task, name)
        if vma is None:
            self.children.pop(name, None)
            return None
        inode = self.children.get(name)
        if inode is None:
            inode = self.children[name] = MapFileLink(self, name)
        inode.mode = S_IFLNK | (0o400 if vma.file.readable else 0) | (0o200 if vma.file.writable else 0)
        target = self.dir.task()
        if target is not None:
            self.dir.own(inode, target)
        return inode

    def names(self, task: Task) -> list[bytes]:
        """Areas in order of address."""
        mm = self.get_mm(task)
        return [] if mm is None else [area_name(vma) for vma in mm.vmas if getattr(vma.file, "path", None) is not None]

    def getattr(self, task: Task) -> None:
        """Owner as of now."""
        target = self.dir.task()
        if target is not None:
            self.dir.own(self, target)


class MapFileLink(MagicLink):
    """/proc/PID/map_files/START-END."""

    __slots__ = ("dir", "name")

    def __init__(self, directory: MapFilesDir, name: bytes) -> None:
        super().__init__(directory.sb, map_file_place)
        self.dir = directory
        self.name = name
        self.size = 64

    def follow_link(self, task: Task) -> Path:
        """The file; EPERM without CAP_SYS_ADMIN, for it may be one that the name does not lead to any more."""
        if not self.sb.kernel.capable(task, CAP_SYS_ADMIN):
            raise SysError(EPERM)
        return map_file_place(self, task)


def map_file_place(inode: Any, reader: Task) -> Path:
    """Where the mapped file is; ENOENT once it is unmapped."""
    vma = inode.dir.find(reader, inode.name)
    if vma is None:
        raise SysError(ENOENT)
    path: Path = vma.file.path
    return path


def area_name(vma: Any) -> bytes:
    """START-END in hexadecimal."""
    return b"%x-%x" % (vma.start, vma.end)
