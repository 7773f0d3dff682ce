"""/proc/PID and /proc/PID/task/TID (Linux: fs/proc/base.c): what can be seen of one process or thread.

`PidDir` is the directory of a process, `TidDir` that of a thread; both know their task by its Pid, so that a number
given to another process is not taken for the old one, while a thread that takes over its leader's by execve is.
Numbers are those of the PID namespace that this procfs was mounted in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.capability import CAP_SYS_ADMIN, CAP_SYS_RESOURCE
from forkernel.abi.errno import EACCES, EINVAL, ENOENT, EPERM, ESRCH
from forkernel.abi.resource import RLIM_INFINITY, RLIM_NLIMITS
from forkernel.abi.stat import Dirent
from forkernel.errors import SysError
from forkernel.fs.dentry import Path
from forkernel.fs.inode import Inode
from forkernel.fs.proc import array, sched_debug, task_mmu, user_ns
from forkernel.fs.proc.inode import Entry, MagicLink, ProcDir, ProcReg, decimal
from forkernel.fs.proc.super import ProcSuperblock
from forkernel.namespace import INVALID_ID

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.kernel.task import Task

TASK_COMM_LEN = 16


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
        super().__init__(sb, leader, TGID_BASE)
        self.nlink = 7

    def make(self, name: bytes, target: Task) -> Inode | None:
        """A new inode for `name`."""
        if name == b"task":
            return TaskListDir(self)
        return _make_subdir(self, name) or super().make(name, target)

    def names(self, task: Task) -> list[bytes]:
        """Directories first, as Linux lists them."""
        return [b"task", b"fd", b"fdinfo", b"ns", b"net", *super().names(task)]


class TaskListDir(ProcDir):
    """/proc/PID/task: the threads."""

    __slots__ = ("parent",)

    def __init__(self, parent: PidDir) -> None:
        super().__init__(parent.sb)
        self.parent = parent

    def lookup(self, task: Task, name: bytes) -> Inode | None:
        """The directory of a thread."""
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
        super().__init__(sb, task, TID_BASE)
        self.nlink = 6

    def make(self, name: bytes, target: Task) -> Inode | None:
        """A new inode for `name`."""
        return _make_subdir(self, name) or super().make(name, target)

    def names(self, task: Task) -> list[bytes]:
        """Directories first."""
        return [b"fd", b"fdinfo", b"ns", b"net", *super().names(task)]


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


def may_access(inode: Any, reader: Task) -> Task:
    """The task an inode tells about, if the reader may look into it (PTRACE_MODE_READ_FSCREDS); ESRCH, EACCES."""
    target: Task = inode.dir.get_task()
    if not inode.sb.kernel.ptrace_may_access(reader, target):
        raise SysError(EACCES)
    return target


def check_access(inode: Any, task: Task) -> None:
    """An open that needs access to the target."""
    may_access(inode, task)


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


# --- files


def proc_pid_cmdline(inode: Any, reader: Task) -> bytes:
    """The arguments as the process has them now (Linux: get_mm_cmdline).

    A process may overwrite them and run on into the environment (setproctitle): then the text ends at the
    first NUL after the arguments' place.
    """
    mm = inode.get_task().mm
    if mm is None or not mm.arg_end:
        return b""
    size = mm.arg_end - mm.arg_start
    text: bytes = _read_memory(mm, mm.arg_start, size)
    if not text or text[-1:] == b"\0" or len(text) < size:
        return text
    title = _read_memory(mm, mm.arg_start, mm.env_end - mm.arg_start)
    end = title.find(b"\0")
    return title if end < 0 else title[:end]


def proc_pid_environ(inode: Any, reader: Task) -> bytes:
    """The environment as execve left it."""
    mm = may_access(inode, reader).mm
    return b"" if mm is None or not mm.env_end else _read_memory(mm, mm.env_start, mm.env_end - mm.env_start)


def _read_memory(mm: Any, addr: int, size: int) -> bytes:
    """User memory as far as it can be read."""
    data = b""
    while size > 0:
        part = min(size, 4096 - addr % 4096)
        try:
            data += mm.read(addr, part)
        except SysError:
            break
        addr, size = addr + part, size - part
    return data


def proc_pid_auxv(inode: Any, reader: Task) -> bytes:
    """The auxiliary vector that execve gave the program."""
    mm = may_access(inode, reader).mm
    if mm is None:
        return b""
    saved = mm.saved_auxv
    if isinstance(saved, bytes):
        return saved
    return b"".join(key.to_bytes(8, "little") + value.to_bytes(8, "little") for key, value in saved)


def proc_pid_personality(inode: Any, reader: Task) -> bytes:
    """Execution domain."""
    return b"%08x\n" % may_access(inode, reader).personality


_LIMITS = (
    ("Max cpu time", "seconds"), ("Max file size", "bytes"), ("Max data size", "bytes"), ("Max stack size", "bytes"),
    ("Max core file size", "bytes"), ("Max resident set", "bytes"), ("Max processes", "processes"),
    ("Max open files", "files"), ("Max locked memory", "bytes"), ("Max address space", "bytes"),
    ("Max file locks", "locks"), ("Max pending signals", "signals"), ("Max msgqueue size", "bytes"),
    ("Max nice priority", ""), ("Max realtime priority", ""), ("Max realtime timeout", "us"),
)  # fmt: skip


def proc_pid_limits(inode: Any, reader: Task) -> bytes:
    """Resource limits as a table."""
    rlim = inode.get_task().signal.rlim
    lines = [f"{'Limit':<25} {'Soft Limit':<20} {'Hard Limit':<20} {'Units':<10}"]
    for number in range(RLIM_NLIMITS):
        name, unit = _LIMITS[number]
        soft, hard = ("unlimited" if value == RLIM_INFINITY else str(value) for value in rlim[number])
        lines.append(f"{name:<25} {soft:<20} {hard:<20} " + (f"{unit:<10}" if unit else ""))
    return "\n".join(lines).encode() + b"\n"


def proc_comm_show(inode: Any, reader: Task) -> bytes:
    """The name."""
    comm: bytes = inode.get_task().comm
    return comm + b"\n"


def proc_comm_store(inode: Any, writer: Task, data: bytes) -> None:
    """A thread may name any thread of its process; EINVAL otherwise."""
    target = inode.get_task()
    if target.signal is not writer.signal:
        raise SysError(EINVAL)
    inode.sb.kernel.set_task_comm(target, data[: TASK_COMM_LEN - 1].split(b"\0")[0])


def proc_oom_score(inode: Any, reader: Task) -> bytes:
    """How badly the OOM killer wants it."""
    return b"%d\n" % inode.sb.kernel.oom_score(inode.get_task())


def proc_oom_score_adj_show(inode: Any, reader: Task) -> bytes:
    """The bias of that score, -1000 to 1000."""
    return b"%d\n" % inode.get_task().signal.oom_score_adj


def proc_oom_score_adj_store(inode: Any, writer: Task, data: bytes) -> None:
    """Anyone may raise it; lowering it needs CAP_SYS_RESOURCE (EACCES)."""
    value = decimal(data, -1000, 1000)
    signal = inode.get_task().signal
    if value < signal.oom_score_adj and not inode.sb.kernel.capable(writer, CAP_SYS_RESOURCE):
        raise SysError(EACCES)
    signal.oom_score_adj = value


def proc_timerslack_show(inode: Any, reader: Task) -> bytes:
    """Nanoseconds by which timers may be late; for others than itself CAP_SYS_NICE is needed (EPERM)."""
    return b"%d\n" % _slack_target(inode, reader).timer_slack_ns


def proc_timerslack_store(inode: Any, writer: Task, data: bytes) -> None:
    """Set it; 0 means the default."""
    target = _slack_target(inode, writer)
    target.timer_slack_ns = decimal(data, 0, (1 << 64) - 1) or 50000


def _slack_target(inode: Any, task: Task) -> Task:
    target: Task = inode.get_task()
    if target is not task and not inode.sb.kernel.may_renice(task):
        raise SysError(EPERM)
    return target


def proc_pid_stack(inode: Any, reader: Task) -> bytes:
    """The kernel functions that the task is in, the innermost first; EACCES without CAP_SYS_ADMIN, EPERM.

    Linux gives an offset for each, and some that this kernel has no counterpart of.
    """
    target, kernel = inode.get_task(), inode.sb.kernel
    if not kernel.capable(reader, CAP_SYS_ADMIN):
        raise SysError(EACCES)
    if not kernel.ptrace_may_access(reader, target):
        raise SysError(EPERM)
    return b"".join(b"[<0>] %s\n" % name for name in kernel.stack_trace(target, reader))


def proc_pid_wchan(inode: Any, reader: Task) -> bytes:
    """The kernel function where it sleeps; 0 if it runs or may not be known."""
    target = inode.get_task()
    kernel = inode.sb.kernel
    name: bytes = kernel.wchan(target) if kernel.ptrace_may_access(reader, target) else b""
    return name or b"0"


def proc_pid_cgroup(inode: Any, reader: Task) -> bytes:
    """Its control group."""
    line: bytes = inode.sb.kernel.cgroup_line(inode.get_task(), reader)
    return line


def open_mem(inode: Any, task: Task, flags: int) -> File:
    """/proc/PID/mem."""
    from forkernel.fs.proc import mem

    return mem.open_mem(inode, task, flags)


def proc_pid_mounts(inode: Any, reader: Task) -> bytes:
    """The mounts as the process sees them, in fstab's form."""
    from forkernel.fs.proc.mounts import show_mounts

    return show_mounts(inode.sb.system.vfs, inode.get_task())


def proc_pid_mountinfo(inode: Any, reader: Task) -> bytes:
    """The mounts with IDs and parents."""
    from forkernel.fs.proc.mounts import show_mountinfo

    return show_mountinfo(inode.sb.system.vfs, inode.get_task())


def timens_offsets_show(inode: Any, reader: Task) -> bytes:
    """Clock offsets in the time namespace of the task's children."""
    target: Task = inode.get_task()
    if target.nsproxy is None:
        raise SysError(ESRCH)
    text: bytes = inode.sb.kernel.show_timens_offsets(target)
    return text


def timens_offsets_store(inode: Any, writer: Task, data: bytes) -> None:
    """Set them."""
    target: Task = inode.get_task()
    if target.nsproxy is None:
        raise SysError(ESRCH)
    inode.sb.kernel.write_timens_offsets(writer, target, data)


def proc_pid_mountstats(inode: Any, reader: Task) -> bytes:
    """The mounts in words; for who may look into the process."""
    from forkernel.fs.proc.mounts import show_mountstats

    return show_mountstats(inode.sb.system.vfs, inode.get_task())


TGID_BASE: dict[bytes, Entry] = {
    b"environ": Entry(0o400, proc_pid_environ, check=check_access),
    b"auxv": Entry(0o400, proc_pid_auxv, check=check_access),
    b"status": Entry(0o444, array.proc_pid_status),
    b"personality": Entry(0o400, proc_pid_personality),
    b"limits": Entry(0o444, proc_pid_limits),
    b"sched": Entry(0o644, sched_debug.proc_sched_show, sched_debug.proc_sched_store),
    b"comm": Entry(0o644, proc_comm_show, proc_comm_store),
    b"cmdline": Entry(0o444, proc_pid_cmdline),
    b"stat": Entry(0o444, array.proc_tgid_stat),
    b"statm": Entry(0o444, task_mmu.proc_pid_statm),
    b"maps": Entry(0o444, task_mmu.proc_pid_maps, check=check_access),
    b"mem": Entry(0o600, opener=open_mem),
    b"mounts": Entry(0o444, proc_pid_mounts),
    b"mountinfo": Entry(0o444, proc_pid_mountinfo),
    b"mountstats": Entry(0o400, proc_pid_mountstats),
    b"wchan": Entry(0o444, proc_pid_wchan),
    b"stack": Entry(0o400, proc_pid_stack),
    b"uid_map": Entry(0o644, opener=user_ns.open_uid_map),
    b"gid_map": Entry(0o644, opener=user_ns.open_gid_map),
    b"projid_map": Entry(0o644, opener=user_ns.open_projid_map),
    b"setgroups": Entry(0o644, opener=user_ns.open_setgroups),
    b"cgroup": Entry(0o444, proc_pid_cgroup),
    b"timens_offsets": Entry(0o644, timens_offsets_show, timens_offsets_store),
    b"oom_score": Entry(0o444, proc_oom_score),
    b"oom_score_adj": Entry(0o644, proc_oom_score_adj_show, proc_oom_score_adj_store),
    b"timerslack_ns": Entry(0o666, proc_timerslack_show, proc_timerslack_store),
}
"""Files of /proc/PID, in Linux's order."""

TID_BASE: dict[bytes, Entry] = {
    **{name: entry for name, entry in TGID_BASE.items() if name != b"timerslack_ns"},
    b"stat": Entry(0o444, array.proc_tid_stat),
    b"children": Entry(0o444, array.proc_tid_children),
}
"""Files of /proc/PID/task/TID."""

__all__ = ["Dirent", "PidDir", "TaskDir", "TaskFile", "TidDir", "may_access", "pid_of_name"]
