"""/proc/PID/mem: the memory of a process as a file, the position being the address (proc(5); Linux: fs/proc/base.c).

The file means the address space that the process had at the open: it outlives an execve, but then nobody has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EACCES, EBADF, EINVAL, EIO, ESRCH
from forkernel.abi.fcntl import SEEK_CUR, SEEK_SET
from forkernel.errors import SysError
from forkernel.fs.file import File
from forkernel.fs.proc.inode import ProcFile, ProcReg

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

MASK64 = (1 << 64) - 1


class MemFile(ProcFile):
    """An open /proc/PID/mem. `mm` is the address space."""

    __slots__ = ("mm",)

    def __init__(self, inode: ProcReg, flags: int, mm: Any) -> None:
        super().__init__(inode, flags)
        self.mm = mm

    def pread(self, task: Task, offset: int, count: int) -> bytes:
        """Memory at an address, up to where it ends; EIO where there is none."""
        if not self.readable:
            raise SysError(EBADF)
        if self.mm is None or not self.mm.users or not count:
            return b""
        data: bytes = self.inode.sb.kernel.read_remote(self.mm, offset & MASK64, count)
        if not data:
            raise SysError(EIO)
        return data

    def write(self, task: Task, data: bytes) -> int:
        """Change memory at the position."""
        done = self.pwrite(task, self.pos, data)
        self.pos += done
        return done

    def pwrite(self, task: Task, offset: int, data: bytes) -> int:
        """Change memory, private pages that may not be written included; EIO if not one byte could be."""
        if not self.writable:
            raise SysError(EBADF)
        if self.mm is None or not self.mm.users or not data:
            return 0
        done: int = self.inode.sb.kernel.write_remote(self.mm, offset & MASK64, data)
        if not done:
            raise SysError(EIO)
        return done

    def seek(self, offset: int, whence: int) -> int:
        """SEEK_SET and SEEK_CUR; there is no end. EINVAL."""
        if whence not in (SEEK_SET, SEEK_CUR):
            raise SysError(EINVAL)
        self.pos = offset & MASK64 if whence == SEEK_SET else self.pos + offset & MASK64
        return self.pos


def open_mem(inode: Any, task: Task, flags: int) -> File:
    """Open it; EACCES for who may not trace the process, ESRCH where there is no memory."""
    target = inode.dir.get_task()
    if not inode.sb.kernel.ptrace_may_access(task, target):
        raise SysError(EACCES)
    if target.mm is None:
        raise SysError(ESRCH)
    return MemFile(inode, flags, target.mm)
