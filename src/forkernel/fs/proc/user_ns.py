"""/proc/PID/uid_map, gid_map, projid_map and setgroups: the maps of a process's user namespace (user_namespaces(7))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EACCES, EBADF, ESPIPE
from forkernel.errors import SysError
from forkernel.fs.file import File
from forkernel.fs.proc.inode import ProcFile, ProcReg
from forkernel.namespace import UserNamespace

if TYPE_CHECKING:
    from forkernel.kernel.task import Task


class UserNsFile(ProcFile):
    """An open file of them. It means the namespace that the process was in at the open, and keeps it."""

    __slots__ = ("kind", "ns")

    def __init__(self, inode: ProcReg, flags: int, ns: UserNamespace, kind: str) -> None:
        super().__init__(inode, flags)
        self.ns: UserNamespace = ns.get()
        self.kind = kind

    def pread(self, task: Task, offset: int, count: int) -> bytes:
        """The map, or "allow" or "deny"."""
        if not self.readable:
            raise SysError(EBADF)
        if self.text is None or offset == 0:
            if self.kind == "setgroups":
                self.text = b"allow\n" if self.ns.setgroups_allowed else b"deny\n"
            else:
                assert self.cred is not None
                self.text = self.inode.sb.kernel.show_map(self.cred.user_ns, self.ns, self.kind)
        return self.text[offset : offset + count]

    def write(self, task: Task, data: bytes) -> int:
        """Set it, in one write."""
        if not self.writable:
            raise SysError(EBADF)
        kernel = self.inode.sb.kernel
        if self.kind == "setgroups":
            kernel.proc_setgroups_write(self, self.ns, data)
        else:
            kernel.map_write(self, task, self.ns, self.kind, data)
        self.pos += len(data)
        return len(data)

    def pwrite(self, task: Task, offset: int, data: bytes) -> int:
        """ESPIPE: they are written in one go, from the start."""
        raise SysError(ESPIPE)

    def release(self) -> None:
        """Let go of the namespace."""
        self.ns.put()


def open_uid_map(inode: Any, task: Task, flags: int) -> File:
    """Open uid_map."""
    return UserNsFile(inode, flags, inode.get_task().cred.user_ns, "uid_map")


def open_gid_map(inode: Any, task: Task, flags: int) -> File:
    """Open gid_map."""
    return UserNsFile(inode, flags, inode.get_task().cred.user_ns, "gid_map")


def open_projid_map(inode: Any, task: Task, flags: int) -> File:
    """Open projid_map."""
    return UserNsFile(inode, flags, inode.get_task().cred.user_ns, "projid_map")


def open_setgroups(inode: Any, task: Task, flags: int) -> File:
    """Open setgroups; for writing only with CAP_SYS_ADMIN in the namespace (EACCES)."""
    file = UserNsFile(inode, flags, inode.get_task().cred.user_ns, "setgroups")
    if file.writable and not inode.sb.kernel.may_open_setgroups(task, file.ns):
        file.put()
        raise SysError(EACCES)
    return file
