"""/proc/PID and /proc/PID/task/TID (Linux: fs/proc/base.c): what can be seen of one process or thread.

`PidDir` is the directory of a process, `TidDir` that of a thread; both know their task by its Pid, so that a number
given to another process is not taken for the old one, while a thread that takes over its leader's by execve is.
Numbers are those of the PID namespace that this procfs was mounted in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import ENOENT, EPERM, ESRCH
from forkernel.abi.stat import Dirent
from forkernel.errors import SysError
from forkernel.fs.dentry import Path
from forkernel.fs.inode import Inode
from forkernel.fs.proc.access import may_access
from forkernel.fs.proc.inode import Entry, MagicLink, ProcDir, ProcReg
from forkernel.fs.proc.options import HIDEPID_INVISIBLE, HIDEPID_NO_ACCESS
from forkernel.fs.proc.pagemap import MapFilesDir
from forkernel.fs.proc.super import ProcSuperblock
from forkernel.fs.proc.tgid_base import PAGE_MONITOR, TGID_BASE, TID_BASE
from forkernel.namespace import INVALID_ID

if TYPE_CHECKING:
    from forkernel.kernel.cred import Cred
    from forkernel.kernel.task import Task


class TaskDir(ProcDir):
    """What /proc/PID and /proc/PID/task/TID share."""

    __slots__ = ("entries", "thread_pid")

    def __init__(self, sb: ProcSuperblock, task: Task, entries: dict[bytes, Entry]) -> None:
        super().__init__(sb)
        self.thread_pid = task.thread_pid
        self.entries = entries

    def task(self) -> Task | None:
        """The task, None once it is gone (Linux: get_proc_task)."""
        return self.thread_pid.task

    def get_task(self) -> Task:
        """The task; ESRCH once it is gone."""
        task = self.task()
        if task is None:
            raise SysError(ESRCH)
        return task

    def lookup(self, task: Task, name: bytes) -> Inode | None:
        """An entry by name; none once the task is gone."""
        target = self.task()
        if target is None:
            return None
        inode = self.children.get(name)
        if inode is None:
            inode = self.make(name, target)
            if inode is None:
                return None
            self.children[name] = inode
        self.own(inode, target)
        return inode

    def make(self, name: bytes, target: Task) -> Inode | None:
        """A new inode for `name`."""
        entry = self.entries.get(name)
        if entry is not None:
            return TaskFile(self.sb, entry, self)
        place = LINKS.get(name)
        return None if place is None else TaskLink(self.sb, place, self)

    def own(self, inode: Inode, target: Task) -> None:
        """Files belong to the effective user of the process, or to root if it may not be looked into."""
        inode.uid, inode.gid = owner_of(target)

    def getattr(self, task: Task) -> None:
        """Owner as of now."""
        target = self.task()
        if target is not None:
            self.own(self, target)

    def names(self, task: Task) -> list[bytes]:
        """Names of files and links; ENOENT once the task is gone."""
        if self.task() is None:
            raise SysError(ENOENT)
        return [*self.entries, *LINKS]


def keep_out(sb: ProcSuperblock, target: Task | None) -> None:
    """Refuse who may not see a process by the options of the mount (Linux: proc_pid_permission)."""
    if sb.hide_pid and target is not None and not sb.may_see(sb.system.current, target, HIDEPID_NO_ACCESS):
        raise SysError(ENOENT if sb.hide_pid == HIDEPID_INVISIBLE else EPERM)


def owner_of(target: Task) -> tuple[int, int]:
    """User and group that files of a process belong to (Linux: task_dump_owner)."""
    mm = target.mm
    if mm is not None and mm.dumpable != 1:
        uid, gid = mm.user_ns.make_kuid(0), mm.user_ns.make_kgid(0)
        return (0 if uid == INVALID_ID else uid), (0 if gid == INVALID_ID else gid)
    return target.cred.euid, target.cred.egid


class TaskFile(ProcReg):
    """A file of a task's directory."""

    __slots__ = ("dir",)

    def __init__(self, sb: ProcSuperblock, entry: Entry, directory: TaskDir) -> None:
        super().__init__(sb, entry)
        self.dir = directory

    def get_task(self) -> Task:
        """Whom it tells about; ESRCH."""
        return self.dir.get_task()


class TaskLink(MagicLink):
    """cwd, root, exe."""

    __slots__ = ("dir",)

    def __init__(self, sb: ProcSuperblock, place: Any, directory: TaskDir) -> None:
        super().__init__(sb, place)
        self.dir = directory


class PidDir(TaskDir):
    """/proc/PID."""

    __slots__ = ()

    def __init__(self, sb: ProcSuperblock, leader: Task) -> None:
        super().__init__(sb, leader, built(sb, TGID_BASE))
        self.nlink = 8

    def permission(self, cred: Cred, mask: int) -> None:
        """The mount may keep others out: EPERM, or ENOENT where it hides that there is a process."""
        keep_out(self.sb, self.task())
        super().permission(cred, mask)

    def lookup(self, task: Task, name: bytes) -> Inode | None:
        """An entry by name, for who may search the directory: the walk does not ask where the mode says it all."""
        keep_out(self.sb, self.task())
        return super().lookup(task, name)

    def getattr(self, task: Task) -> None:
        """ENOENT for a process that the mount hides."""
        target = self.task()
        if target is not None and not self.sb.may_see(task, target, HIDEPID_INVISIBLE):
            raise SysError(ENOENT)
        super().getattr(task)

    def make(self, name: bytes, target: Task) -> Inode | None:
        """A new inode for `name`."""
        if name == b"task":
            return TaskListDir(self)
        if name == b"map_files":
            return MapFilesDir(self)
        return _make_subdir(self, name) or super().make(name, target)

    def names(self, task: Task) -> list[bytes]:
        """Directories first, as Linux lists them."""
        return [b"task", b"fd", b"map_files", b"fdinfo", b"ns", b"net", *super().names(task)]


class TaskListDir(ProcDir):
    """/proc/PID/task: the threads."""

    __slots__ = ("parent",)

    def __init__(self, parent: PidDir) -> None:
        super().__init__(parent.sb)
        self.parent = parent

    def permission(self, cred: Cred, mask: int) -> None:
        """As of /proc/PID."""
        keep_out(self.sb, self.parent.task())
        super().permission(cred, mask)

    def lookup(self, task: Task, name: bytes) -> Inode | None:
        """The directory of a thread."""
        keep_out(self.sb, self.parent.task())
        tid = pid_of_name(name)
        target: Task | None = None if tid is None else self.sb.pid_ns.find(tid)
        leader = self.parent.task()
        if target is None or leader is None or target.signal is not leader.signal:
            self.children.pop(name, None)
            return None
        found = self.children.get(name)
        if not isinstance(found, TidDir) or found.task() is not target:
            found = self.children[name] = TidDir(self.sb, target)
        found.own(found, target)
        return found

    def names(self, task: Task) -> list[bytes]:
        """Thread IDs, the leader first."""
        ns = self.sb.pid_ns
        return [b"%d" % thread.thread_pid.nr_ns(ns) for thread in self.parent.get_task().signal.threads]

    def getattr(self, task: Task) -> None:
        """A link count for each thread."""
        leader = self.parent.task()
        self.nlink = 2 + (0 if leader is None else len(leader.signal.threads))


class TidDir(TaskDir):
    """/proc/PID/task/TID."""

    __slots__ = ()

    def __init__(self, sb: ProcSuperblock, task: Task) -> None:
        super().__init__(sb, task, built(sb, TID_BASE))
        self.nlink = 6

    def make(self, name: bytes, target: Task) -> Inode | None:
        """A new inode for `name`."""
        return _make_subdir(self, name) or super().make(name, target)

    def names(self, task: Task) -> list[bytes]:
        """Directories first."""
        return [b"fd", b"fdinfo", b"ns", b"net", *super().names(task)]


def built(sb: ProcSuperblock, entries: dict[bytes, Entry]) -> dict[bytes, Entry]:
    """Files that the machine has: those about pages need an MMU (CONFIG_PROC_PAGE_MONITOR)."""
    if sb.system.flat is None:
        return entries
    return {name: entry for name, entry in entries.items() if name not in PAGE_MONITOR}


def _make_subdir(parent: TaskDir, name: bytes) -> Inode | None:
    from forkernel.fs.proc.fd import FdDir, FdinfoDir

    if name == b"fd":
        return FdDir(parent)
    if name == b"ns":
        from forkernel.fs.proc.namespaces import NsDir

        return NsDir(parent)
    if name == b"net":
        inode: Inode = parent.sb.kernel.net_dir(parent)
        return inode
    return FdinfoDir(parent) if name == b"fdinfo" else None


def pid_of_name(name: bytes) -> int | None:
    """The number that a name of /proc is, None if it is none (no leading zeros)."""
    if not name.isdigit() or (name[:1] == b"0" and name != b"0") or len(name) > 10:
        return None
    return int(name)


# --- links


def proc_cwd_link(inode: Any, reader: Task) -> Path:
    """Working directory."""
    fs = may_access(inode, reader).fs
    if fs is None:
        raise SysError(ENOENT)
    return fs.pwd


def proc_root_link(inode: Any, reader: Task) -> Path:
    """Root directory."""
    fs = may_access(inode, reader).fs
    if fs is None:
        raise SysError(ENOENT)
    return fs.root


def proc_exe_link(inode: Any, reader: Task) -> Path:
    """The program; ENOENT for a kernel thread."""
    mm = may_access(inode, reader).mm
    if mm is None or mm.exe_file is None:
        raise SysError(ENOENT)
    path: Path = mm.exe_file.path
    return path


LINKS = {b"cwd": proc_cwd_link, b"root": proc_root_link, b"exe": proc_exe_link}


__all__ = ["Dirent", "PidDir", "TaskDir", "TaskFile", "TidDir", "may_access", "pid_of_name"]
