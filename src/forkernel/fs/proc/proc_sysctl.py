"""/proc/sys: the kernel's settings as files (Linux: fs/proc/proc_sysctl.c). The table of them is the kernel's."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from forkernel.abi.capability import CAP_SYS_ADMIN
from forkernel.abi.errno import EACCES, EINVAL, EPERM
from forkernel.errors import SysError
from forkernel.fs.inode import MAY_EXEC, MAY_READ, MAY_WRITE
from forkernel.fs.proc.inode import Entry, ProcFile, ProcReg, StaticDir, decimal
from forkernel.fs.proc.super import ProcSuperblock
from forkernel.namespace import INVALID_ID, cap_capable

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.kernel.cred import Cred
    from forkernel.kernel.task import Task


class Sysctl(NamedTuple):
    """One setting: path below /proc/sys, its mode, how it is read and, if it can be, written."""

    path: bytes
    mode: int
    get: Callable[[Any], int | bytes]
    """(system): a number, or text without its newline."""
    set: Callable[[Any, Any], None] | None = None
    """(system, value): numbers were checked against the limits."""
    low: int = 0
    high: int = (1 << 31) - 1
    capability: int | None = None
    """Needed to write, over the caller's own user namespace (/proc/sys/user)."""
    by_task: bool = False
    """The setting is that of a namespace of the reader or writer: `get` and `set` take the task, not the system."""
    of_pid_ns: bool = False
    """It is the PID namespace's, and belongs to root of the user namespace that owns that."""


class SysctlFile(ProcReg):
    """The file of a setting."""

    __slots__ = ("sysctl",)

    def __init__(self, sb: ProcSuperblock, sysctl: Sysctl) -> None:
        super().__init__(sb, Entry(sysctl.mode, sysctl_show, sysctl_store, opener=open_sysctl, plain=True))
        self.sysctl = sysctl

    def permission(self, cred: Cred, mask: int) -> None:
        """By the mode alone, root being user and group 0 of the machine; capabilities do not count, but where the
        setting asks for one (Linux: proc_sys_permission, set_permissions of kernel/ucount.c). EACCES.
        """
        mode, needed = self.mode, self.sysctl.capability
        if self.sysctl.of_pid_ns:
            owner = self.sb.system.current.thread_pid.ns.user_ns
            if cap_capable(cred, owner, CAP_SYS_ADMIN) or cred.euid == owner.make_kuid(0):
                allowed = mode >> 6
            else:
                allowed = mode >> 3 if cred.in_egroup(owner.make_kgid(0)) else mode
        elif needed is not None:
            allowed = mode >> 6 if cap_capable(cred, cred.user_ns, needed) else mode
        elif cred.euid == 0:
            allowed = mode >> 6
        else:
            allowed = mode >> 3 if cred.in_egroup(0) else mode
        wanted = (0o4 if mask & MAY_READ else 0) | (0o2 if mask & MAY_WRITE else 0) | (0o1 if mask & MAY_EXEC else 0)
        if wanted & ~allowed:
            raise SysError(EACCES)

    def getattr(self, task: Task) -> None:
        """Owner as the caller's PID namespace has it; the machine's root where that one's has no number."""
        if self.sysctl.of_pid_ns:
            owner = task.thread_pid.ns.user_ns
            uid, gid = owner.make_kuid(0), owner.make_kgid(0)
            self.uid, self.gid = 0 if uid == INVALID_ID else uid, 0 if gid == INVALID_ID else gid


class OpenSysctl(ProcFile):
    """An open one."""

    __slots__ = ()

    def pread(self, task: Task, offset: int, count: int) -> bytes:
        """Numbers are read from the start or not at all (Linux: proc_dointvec)."""
        data = super().pread(task, 0 if offset else offset, offset + count)
        return b"" if offset and NUMBERS.fullmatch(self.text or b"") else data[offset:]


def open_sysctl(inode: Any, task: Task, flags: int) -> File:
    """Open a setting."""
    return OpenSysctl(inode, flags)


NUMBERS = re.compile(rb"-?\d+([\t ]-?\d+)*\n")
"""Settings that are one number or several."""


def sysctl_show(inode: Any, reader: Task) -> bytes:
    """The value and a newline."""
    sysctl: Sysctl = inode.sysctl
    value = sysctl.get(reader if sysctl.by_task else inode.sb.system)
    return (value if isinstance(value, bytes) else b"%d" % value) + b"\n"


def sysctl_store(inode: Any, writer: Task, data: bytes) -> None:
    """Set it; EINVAL for what is no number or out of range, EPERM for what cannot be set or only by others."""
    sysctl: Sysctl = inode.sysctl
    if sysctl.set is None:
        raise SysError(EPERM)
    system = writer if sysctl.by_task else inode.sb.system
    if isinstance(sysctl.get(system), bytes):
        text = data.split(b"\n")[0].split(b"\0")[0]
        if len(text) > sysctl.high:
            raise SysError(EINVAL)
        sysctl.set(system, text)
    else:
        sysctl.set(system, decimal(data, sysctl.low, sysctl.high))


def add_sysctl(root: StaticDir, sysctl: Sysctl) -> None:
    """Put the file of a setting in its place below /proc/sys."""
    *parents, name = sysctl.path.split(b"/")
    directory = root
    for part in parents:
        directory = directory.subdir(part)
    directory.children[name] = SysctlFile(directory.sb, sysctl)
