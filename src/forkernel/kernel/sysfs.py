"""Mounting sysfs; as with procfs, what is in it (`forkernel.fs.sysfs`) is made at the first look."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from forkernel.abi.stat import SYSFS_MAGIC
from forkernel.fs.proc.super import ProcSuperblock

if TYPE_CHECKING:
    from forkernel.fs.dentry import Dentry
    from forkernel.fs.inode import Inode
    from forkernel.fs.vfs import Vfs
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task


class SysfsSuperblock(ProcSuperblock):
    """The sysfs of the machine. It is built of the same parts as procfs."""

    blocksize: ClassVar[int] = 4096
    fstype: ClassVar[bytes] = b"sysfs"
    magic = SYSFS_MAGIC


def register_sysfs(system: System) -> Dentry:
    """Make the file system known as `sysfs`; the root of it."""
    vfs = system.vfs
    vfs.filesystems[b"sysfs"] = mount_sysfs
    sb = vfs.internal[b"sysfs"] = SysfsSuperblock(system, vfs.alloc_dev(), b"", fill_sysfs)
    return sb.root


def mount_sysfs(vfs: Vfs, task: Task, source: bytes = b"sysfs", data: bytes = b"") -> Dentry:
    """The root of sysfs, for mount(2): there is one."""
    sb = vfs.internal[b"sysfs"]
    assert isinstance(sb, SysfsSuperblock)
    return sb.root


def fill_sysfs(sb: ProcSuperblock) -> Inode:
    """Make the directories and files."""
    from forkernel.fs.sysfs import sysfs_fill_super

    return sysfs_fill_super(sb, len(sb.system.run_queues), sb.system.options.memory)
