"""The kernel's own file systems that mount(2) knows by name, and its terminals, loaded when they are first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forkernel.fs.dentry import Dentry
    from forkernel.fs.file import File
    from forkernel.fs.inode import Inode
    from forkernel.fs.vfs import Vfs
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task

TTY_MAJORS = (4, 5, 136)
"""Serial lines, /dev/tty and its like, slaves of pseudo-terminals."""


def register_filesystems(system: System) -> None:
    """Make them known."""
    system.vfs.filesystems[b"cgroup2"] = mount_cgroup2
    system.vfs.filesystems[b"mqueue"] = mount_mqueue
    system.vfs.filesystems[b"devpts"] = mount_devpts
    for number in TTY_MAJORS:
        system.vfs.chrdevs[number] = open_tty


def mount_cgroup2(vfs: Vfs, task: Task, source: bytes, data: bytes) -> Dentry:
    """Control groups (kernel/cgroup_fs.py)."""
    from forkernel.kernel import cgroup_fs

    return cgroup_fs.mount_cgroup2(vfs, task, source, data)


def mount_devpts(vfs: Vfs, task: Task, source: bytes, data: bytes) -> Dentry:
    """Pseudo-terminals (tty/devpts.py)."""
    from forkernel.tty import devpts

    return devpts.mount_devpts(vfs, task, source, data)


def open_tty(task: Any, inode: Inode, flags: int) -> File:
    """Terminals by device number (tty/tty_io.py)."""
    from forkernel.tty import tty_io

    return tty_io.tty_open(task, inode, flags)


def mount_mqueue(vfs: Vfs, task: Task, source: bytes, data: bytes) -> Dentry:
    """POSIX message queues (kernel/mqueue.py)."""
    from forkernel.kernel import mqueue

    return mqueue.mount_mqueue(vfs, task, source, data)
