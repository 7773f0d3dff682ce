"""/proc/PID/fd and fdinfo: the descriptors of a process (Linux: fs/proc/fd.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EACCES, ENOENT
from forkernel.abi.fcntl import O_CLOEXEC
from forkernel.abi.stat import S_IFLNK
from forkernel.errors import SysError
from forkernel.fs.dentry import Path
from forkernel.fs.inode import Inode
from forkernel.fs.proc.inode import Entry, MagicLink, ProcDir, ProcReg
from forkernel.fs.proc.locks import fdinfo_locks

if TYPE_CHECKING:
    from forkernel.fs.proc.base import TaskDir
    from forkernel.kernel.task import Task


class _Descriptors(ProcDir):
    """What fd and fdinfo share: names are the numbers of open descriptors."""

    __slots__ = ("dir",)

    def __init__(self, parent: TaskDir, perm: int) -> None:
        super().__init__(parent.sb, perm)
        self.dir = parent

    def get_file(self, fd: int) -> Any:
        """The open file of a descriptor; ENOENT."""
        files = self.dir.get_task().files
        file = None if files is None else files.fds.get(fd)
        if file is None:
            raise SysError(ENOENT)
        return file

    def lookup(self, task: Task, name: bytes) -> Inode | None:
        """A descriptor by number."""
        from forkernel.fs.proc.base import pid_of_name

        fd = pid_of_name(name)
        target = self.dir.task()
        file = None if fd is None or target is None or target.files is None else target.files.fds.get(fd)
        if fd is None or file is None or target is None:
            self.children.pop(name, None)
            return None
        if not self.sb.kernel.ptrace_may_access(task, target):
            raise SysError(EACCES)
        inode = self.children.get(name)
        if inode is None:
            inode = self.children[name] = self.make(fd)
        inode.uid, inode.gid = target.cred.euid, target.cred.egid
        self.refresh(inode, file)
        return inode

    def make(self, fd: int) -> Inode:
        """The inode of a descriptor."""
        raise NotImplementedError

    def refresh(self, inode: Inode, file: Any) -> None:
        """Bring an inode up to date with the file behind its number."""

    def names(self, task: Task) -> list[bytes]:
        """Open descriptors in ascending order; ENOENT for a process that is gone."""
        target = self.dir.task()
        if target is None:
            raise SysError(ENOENT)
        return [] if target.files is None else [b"%d" % fd for fd in sorted(target.files.fds)]


class FdDir(_Descriptors):
    """/proc/PID/fd: magic links to the open files."""

    __slots__ = ()

    def __init__(self, parent: TaskDir) -> None:
        super().__init__(parent, 0o500)

    def getattr(self, task: Task) -> None:
        """The size is the number of descriptors."""
        target = self.dir.task()
        self.size = 0 if target is None or target.files is None else len(target.files.fds)

    def make(self, fd: int) -> Inode:
        """The link of a descriptor."""
        return FdLink(self, fd)

    def refresh(self, inode: Inode, file: Any) -> None:
        """The owner's permission bits tell how the file is open."""
        mode = 0o100
        if file.readable:
            mode |= 0o400
        if file.writable:
            mode |= 0o200
        inode.mode = S_IFLNK | mode


class FdLink(MagicLink):
    """/proc/PID/fd/N."""

    __slots__ = ("dir", "fd")

    def __init__(self, directory: FdDir, fd: int) -> None:
        super().__init__(directory.sb, fd_place)
        self.dir = directory
        self.fd = fd
        self.size = 64


def fd_place(inode: Any, reader: Task) -> Path:
    """Where the open file is; it may have no name in any tree."""
    directory = inode.dir
    target = directory.dir.get_task()
    if not inode.sb.kernel.ptrace_may_access(reader, target):
        raise SysError(EACCES)
    path: Path | None = directory.get_file(inode.fd).path
    if path is None:
        raise SysError(ENOENT)
    return path


class FdinfoDir(_Descriptors):
    """/proc/PID/fdinfo: position, flags and more of each descriptor."""

    __slots__ = ()

    def __init__(self, parent: TaskDir) -> None:
        super().__init__(parent, 0o555)

    def make(self, fd: int) -> Inode:
        """The file of a descriptor."""
        return FdinfoFile(self, fd)


class FdinfoFile(ProcReg):
    """/proc/PID/fdinfo/N."""

    __slots__ = ("dir", "fd")

    def __init__(self, directory: FdinfoDir, fd: int) -> None:
        super().__init__(directory.sb, FDINFO)
        self.dir = directory
        self.fd = fd


def fdinfo_show(inode: Any, reader: Task) -> bytes:
    """pos, flags in octal with close-on-exec, mnt_id, ino, then what the file adds."""
    files = inode.dir.dir.get_task().files
    file = inode.dir.get_file(inode.fd)
    flags = file.flags & ~O_CLOEXEC | (O_CLOEXEC if inode.fd in files.cloexec else 0)
    mount = 0 if file.path is None else file.path.mnt.id
    ino = 0 if file.inode is None else file.inode.ino
    text: bytes = b"pos:\t%d\nflags:\t0%o\nmnt_id:\t%d\nino:\t%d\n" % (file.pos, flags, mount, ino)
    return text + fdinfo_locks(file, files, inode.sb) + bytes(file.fdinfo_in(inode.sb.pid_ns))


FDINFO = Entry(0o444, fdinfo_show)
