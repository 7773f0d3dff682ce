"""The kernel's own file systems that mount(2) knows by name, loaded with their first mount."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forkernel.fs.dentry import Dentry
    from forkernel.fs.vfs import Vfs
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task


def register_filesystems(system: System) -> None:
    """Make them known."""
    system.vfs.filesystems[b"cgroup2"] = mount_cgroup2
    system.vfs.filesystems[b"mqueue"] = mount_mqueue


def mount_cgroup2(vfs: Vfs, task: Task, source: bytes, data: bytes) -> Dentry:
    """Control groups (kernel/cgroup_fs.py)."""
    from forkernel.kernel import cgroup_fs

    return cgroup_fs.mount_cgroup2(vfs, task, source, data)


def mount_mqueue(vfs: Vfs, task: Task, source: bytes, data: bytes) -> Dentry:
    """POSIX message queues (kernel/mqueue.py)."""
    from forkernel.kernel import mqueue

    return mqueue.mount_mqueue(vfs, task, source, data)
