"""The procfs superblock, and the top directory that stands for the rest until somebody looks in.

Most programs never open /proc: mounting it costs an inode, and the files (and what they import) are made at
the first look.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from forkernel.abi.errno import EPERM
from forkernel.abi.stat import PROC_SUPER_MAGIC, S_IFDIR, Dirent, Statfs
from forkernel.errors import SysError
from forkernel.fs.dentry import Dentry
from forkernel.fs.inode import Inode, Superblock
from forkernel.fs.proc.options import HIDEPID_NOT_PTRACEABLE, HIDEPID_OFF, ProcOptions, options_text

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

PROC_ROOT_INO = 1


class ProcSuperblock(Superblock):
    """A procfs: one for each mount(2).

    `fill(sb)` makes the root directory and sets `kernel`, the view of the kernel that the files show.
    """

    blocksize: ClassVar[int] = 1024
    fstype: ClassVar[bytes] = b"proc"
    magic = PROC_SUPER_MAGIC

    def __init__(
        self, system: Any, dev: int, boot_id: bytes, fill: Callable[[ProcSuperblock], Inode], pid_ns: Any = None
    ) -> None:
        super().__init__(self.fstype, dev, system.clock, system.frames)
        self.system = system
        self.kernel: Any = None
        self.pid_ns: Any = system.pids if pid_ns is None else pid_ns
        """The PID namespace whose processes it shows, by their numbers there."""
        self.boot_id = boot_id
        """What /proc/sys/kernel/random/boot_id shows."""
        self.fill = fill
        self.hide_pid = HIDEPID_OFF
        """Who sees the processes of others; HIDEPID_*."""
        self.pid_gid = 0
        """Members of this group see all the same."""
        self.pidonly = False
        """Only processes are shown (subset=pid)."""
        self.next_ino = PROC_ROOT_INO
        self.root = Dentry(b"", None, ProcTop(self))

    def set_options(self, options: ProcOptions) -> None:
        """At mount or remount; what is not given stays (Linux: proc_apply_options)."""
        self.hide_pid = self.hide_pid if options.hide_pid is None else options.hide_pid
        self.pid_gid = self.pid_gid if options.gid is None else options.gid
        self.pidonly = self.pidonly or options.pidonly
        self.options = options_text(self.hide_pid, self.pid_gid, self.pidonly)

    def remount(self, task: Task, data: bytes) -> None:
        """mount(2) with MS_REMOUNT; EINVAL."""
        self.set_options(ProcOptions(data, task.cred.user_ns))

    def may_see(self, reader: Task, target: Task, least: int) -> bool:
        """Whether the options let the reader see a process, where hiding begins at HIDEPID_* `least`
        (Linux: has_pid_permissions).
        """
        hide = self.hide_pid
        if hide != HIDEPID_NOT_PTRACEABLE and (hide < least or reader.cred.in_group(self.pid_gid)):
            return True
        return bool(self.kernel.ptrace_may_access(reader, target))

    def kill(self) -> None:
        """A procfs of a PID namespace lets go of it; the machine's first one may be mounted again."""
        if self.pid_ns.level:
            self.pid_ns.put()

    def statfs(self) -> Statfs:
        """What statfs tells: there is nothing to count (Linux: simple_statfs)."""
        return Statfs(f_type=self.magic, f_bsize=4096, f_frsize=4096, f_namelen=255, f_fsid=self.dev)


class ProcTop(Inode):
    """/proc: `inner`, the real root directory, is made when it is needed."""

    __slots__ = ("inner",)

    volatile: ClassVar[bool] = True
    sb: ProcSuperblock

    def __init__(self, sb: ProcSuperblock) -> None:
        super().__init__(sb, S_IFDIR | 0o555)
        self.inner: Inode | None = None

    def filled(self) -> Inode:
        """The real root directory."""
        if self.inner is None:
            self.inner = self.sb.fill(self.sb)
        return self.inner

    def lookup(self, task: Task, name: bytes) -> Inode | None:
        """An entry by name."""
        return self.filled().lookup(task, name)

    def create(self, task: Task, name: bytes, mode: int, rdev: int = 0) -> Inode:
        """Nothing can be made: ENOENT, see `ProcDir.create`."""
        return self.filled().create(task, name, mode, rdev)

    def mkdir(self, task: Task, name: bytes, mode: int) -> Inode:
        """As `create`."""
        return self.filled().mkdir(task, name, mode)

    def symlink(self, task: Task, name: bytes, target: bytes) -> Inode:
        """As `create`."""
        return self.filled().symlink(task, name, target)

    def link(self, task: Task, name: bytes, inode: Inode) -> None:
        """As `create`."""
        self.filled().link(task, name, inode)

    def rename(self, task: Task, name: bytes, newdir: Inode, newname: bytes, exchange: bool) -> None:
        """As `create`."""
        self.filled().rename(task, name, newdir, newname, exchange)

    def iterate(self, task: Task) -> list[Dirent]:
        """All entries."""
        return self.filled().iterate(task)

    def getattr(self, task: Task) -> None:
        """A link count for each process."""
        inner = self.filled()
        inner.getattr(task)
        self.nlink = inner.nlink

    def setattr(
        self,
        *,
        mode: int | None = None,
        uid: int | None = None,
        gid: int | None = None,
        atime: int | None = None,
        mtime: int | None = None,
    ) -> None:
        """Modes of procfs cannot be changed (EPERM)."""
        if mode is not None:
            raise SysError(EPERM)
        super().setattr(uid=uid, gid=gid, atime=atime, mtime=mtime)
