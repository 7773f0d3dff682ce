"""Limits on open files and pipes, and how many files and names the kernel knows (Linux: files_stat, inodes_stat,
dentry_stat; proc_sys_fs(5)).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.capability import CAP_SYS_ADMIN
from forkernel.abi.errno import ENFILE
from forkernel.errors import SysError
from forkernel.fs.pipe import PIPE_MAX_SIZE
from forkernel.kernel.cred import capable

if TYPE_CHECKING:
    from forkernel.kernel.system import System

NR_OPEN = 1 << 20
KB_PER_FILE = 10
NR_FILE = 8192


class FilesStat:
    """The settings of one machine. It is also the limiter of the cache that open files come from."""

    __slots__ = ("file_max", "nr_open", "pipe_max_size", "system")

    def __init__(self, system: System, memory: int) -> None:
        """`memory`: bytes of RAM; open files may take about a tenth of it."""
        self.system = system
        self.file_max = max((memory >> 10) // KB_PER_FILE, NR_FILE)
        self.nr_open = NR_OPEN
        """No limit on descriptors may exceed this."""
        self.pipe_max_size = PIPE_MAX_SIZE
        """Largest pipe, in bytes, that an unprivileged process may ask for."""

    def check(self, cache: Any) -> None:
        """ENFILE when there are too many open files, for who lacks CAP_SYS_ADMIN. Looked at by the batch, as objects
        come from the slabs; Linux's count is not exact either.
        """
        if cache.active_objects >= self.file_max and not capable(self.system.current, CAP_SYS_ADMIN):
            raise SysError(ENFILE)


def vfs_counts(vfs: Any) -> tuple[int, int]:
    """Inodes and names that are kept in memory."""
    inodes: dict[Any, None] = {}
    names = 0
    todo = [mount.root for mount in all_mounts(vfs)]
    seen = dict.fromkeys(todo)
    while todo:
        dentry = todo.pop()
        names += 1
        inodes[dentry.inode] = None
        for child in dentry.children.values():
            if child not in seen:
                seen[child] = None
                todo.append(child)
    return len(inodes), names


def all_mounts(vfs: Any) -> list[Any]:
    """Every mount of every mount tree."""
    return [vfs.root_mount, vfs.pseudo_mount, *vfs.mount_hash.values()]
