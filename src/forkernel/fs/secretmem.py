"""memfd_secret: memory that only its owner reads, not the kernel on another's behalf (Linux: mm/secretmem.c).

The file can be sized once and mapped shared; the pages count as locked and are left out of dumps. `is_secret` is
what keeps debuggers and process_vm_readv away.
"""

from __future__ import annotations

from typing import Any

from forkernel.abi.errno import EINVAL
from forkernel.abi.fcntl import O_LARGEFILE, O_RDWR
from forkernel.errors import SysError
from forkernel.fs.anon import internal_sb
from forkernel.fs.file import File
from forkernel.fs.pagecache import RegInode


class SecretInode(RegInode):
    """The pages."""

    __slots__ = ()

    secret = True
    """What mm asks of a mapping."""

    def truncate(self, size: int) -> None:
        """Give the file its size, once; EINVAL later."""
        if self.size:
            raise SysError(EINVAL)
        super().truncate(size)

    def allocate(self, mode: int, offset: int, length: int) -> None:
        """EINVAL."""
        raise SysError(EINVAL)


class SecretFile(File):
    """What memfd_secret returns: to be mapped, nothing else."""

    __slots__ = ()

    def truncate(self, size: int) -> None:
        """As the inode."""
        self.inode.truncate(size)

    def mmap_mapping(self) -> Any:
        """The pages."""
        return self.inode


def memfd_secret(task: Any) -> File:
    """An empty secret file, open for reading and writing (memfd_secret(2))."""
    inode = SecretInode(internal_sb(task.system.vfs, b"tmpfs"), 0o600, task.cred.fsuid, task.cred.fsgid)
    inode.nlink = 0
    return SecretFile(inode, O_RDWR | O_LARGEFILE, task.system.vfs.pseudo_path(inode, b"/secretmem (deleted)"))
