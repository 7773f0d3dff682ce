"""/proc/PID/ns: a magic link for each namespace of a task (Linux: fs/proc/namespaces.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EACCES, ENOENT
from forkernel.errors import SysError
from forkernel.fs.dentry import Path
from forkernel.fs.inode import Inode
from forkernel.fs.nsfs import ns_get_path, ns_name
from forkernel.fs.proc.inode import MagicLink, ProcDir
from forkernel.namespace import NsCommon

if TYPE_CHECKING:
    from forkernel.fs.proc.base import TaskDir
    from forkernel.kernel.task import Task

NS_FIELDS: dict[bytes, str] = {
    b"net": "net_ns",
    b"uts": "uts_ns",
    b"ipc": "ipc_ns",
    b"pid": "",
    b"pid_for_children": "pid_ns_for_children",
    b"user": "",
    b"mnt": "mnt_ns",
    b"cgroup": "cgroup_ns",
    b"time": "time_ns",
    b"time_for_children": "time_ns_for_children",
}
"""Links in Linux's order, and the field of the nsproxy that each shows."""


class NsDir(ProcDir):
    """/proc/PID/ns."""

    __slots__ = ("dir",)

    def __init__(self, parent: TaskDir) -> None:
        super().__init__(parent.sb, 0o511)
        self.dir = parent

    def lookup(self, task: Task, name: bytes) -> Inode | None:
        """A link by name; none of a process that is gone."""
        target = self.dir.task()
        if target is None or name not in NS_FIELDS:
            return None
        inode = self.children.get(name)
        if inode is None:
            inode = self.children[name] = NsLink(self, name)
        self.dir.own(inode, target)
        return inode

    def names(self, task: Task) -> list[bytes]:
        """All links; ENOENT for a process that is gone, EACCES for one that may not be looked into."""
        target = self.dir.task()
        if target is None:
            raise SysError(ENOENT)
        if not self.sb.kernel.ptrace_may_access(task, target):
            raise SysError(EACCES)
        return list(NS_FIELDS)

    def getattr(self, task: Task) -> None:
        """Owner as of now."""
        target = self.dir.task()
        if target is not None:
            self.dir.own(self, target)


class NsLink(MagicLink):
    """/proc/PID/ns/KIND."""

    __slots__ = ("dir", "name")

    def __init__(self, directory: NsDir, name: bytes) -> None:
        super().__init__(directory.sb, ns_place)
        self.dir = directory
        self.name = name

    def readlink(self, task: Task) -> bytes:
        """uts:[4026531838]."""
        return ns_name(ns_of(self, task))


def ns_place(inode: Any, reader: Task) -> Path:
    """The file in nsfs."""
    path: Path = ns_get_path(inode.sb.system.vfs, ns_of(inode, reader))
    return path


def ns_of(link: NsLink, reader: Task) -> NsCommon:
    """The namespace that a link stands for; EACCES, and ENOENT where the task has none (any more)."""
    target = link.dir.dir.get_task()
    if not link.sb.kernel.ptrace_may_access(reader, target):
        raise SysError(EACCES)
    ns: NsCommon | None = GETTERS.get(link.name, from_nsproxy)(link, target)
    if ns is None:
        raise SysError(ENOENT)
    return ns


def from_nsproxy(link: NsLink, target: Task) -> NsCommon | None:
    """One of the namespaces in the nsproxy, which a zombie has no more."""
    nsproxy = target.nsproxy
    return None if nsproxy is None else getattr(nsproxy, NS_FIELDS[link.name])


def user_ns(link: NsLink, target: Task) -> NsCommon | None:
    """The user namespace of the credentials."""
    return target.cred.user_ns


def active_pid_ns(link: NsLink, target: Task) -> NsCommon | None:
    """The PID namespace that the task is in."""
    ns: NsCommon | None = link.sb.kernel.active_pid_ns(target)
    return ns


def pid_ns_for_children(link: NsLink, target: Task) -> NsCommon | None:
    """The PID namespace of children to come; ENOENT until it has its first process."""
    ns = from_nsproxy(link, target)
    return ns if ns is None or link.sb.kernel.pid_ns_has_init(ns) else None


GETTERS: dict[bytes, Callable[[NsLink, Task], NsCommon | None]] = {
    b"user": user_ns,
    b"pid": active_pid_ns,
    b"pid_for_children": pid_ns_for_children,
}
"""Links that are not plainly a field of the nsproxy."""
