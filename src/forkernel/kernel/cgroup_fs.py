"""The file system of control groups: a directory for each group, files for what it is and does (cgroups(7)).

There is one tree for the machine, however often it is mounted; `mount_cgroup2` gives the root that the mounter's
cgroup namespace shows. Inodes are made at the first look and kept with their group, so that changed owners and modes
(delegation) stay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from forkernel.abi.errno import EBADF, EINVAL, ENODEV, ENOENT, EOPNOTSUPP, EPERM, ERANGE
from forkernel.abi.poll import POLLERR, POLLIN, POLLOUT, POLLPRI, POLLRDNORM, POLLWRNORM
from forkernel.abi.stat import S_IFDIR, S_IFREG, Dirent, dtype_of
from forkernel.errors import SysError
from forkernel.fs.dentry import Dentry
from forkernel.fs.file import File
from forkernel.fs.inode import Inode, Superblock
from forkernel.fs.seq_file import SeqFile
from forkernel.kernel import cgroup
from forkernel.kernel.cgroup import Cgroup, EventFile
from forkernel.kernel.pid import PID_MAX_LIMIT, task_active_pid_ns

if TYPE_CHECKING:
    from forkernel.fs.vfs import Vfs
    from forkernel.kernel.task import Task

CGROUP2_SUPER_MAGIC = 0x63677270
INT_MAX = (1 << 31) - 1


class CgroupSuperblock(Superblock):
    """The one tree."""

    def __init__(self, vfs: Vfs, root: Cgroup) -> None:
        super().__init__(b"cgroup2", vfs.alloc_dev(), vfs.clock, vfs.frames)
        self.magic = CGROUP2_SUPER_MAGIC
        self.root = root


def superblock(vfs: Vfs, root: Cgroup) -> CgroupSuperblock:
    """It, made at the first mount."""
    sb = vfs.internal.get(b"cgroup2")
    if sb is None:
        sb = vfs.internal[b"cgroup2"] = CgroupSuperblock(vfs, root)
    assert isinstance(sb, CgroupSuperblock)
    return sb


def mount_cgroup2(vfs: Vfs, task: Task, source: bytes, data: bytes) -> Dentry:
    """For mount(2): the root of the mounter's namespace. EINVAL for options that are not known."""
    for option in data.split(b","):
        if option not in (b"", b"nsdelegate", b"favordynmods", b"memory_localevents", b"memory_recursiveprot"):
            raise SysError(EINVAL)
    if b"nsdelegate" in data.split(b",") and task.nsproxy.cgroup_ns.root is None:
        root = cgroup.root_of(task.system)
        root.ns_delegate = True
        superblock(vfs, root).options = b",nsdelegate"
    return Dentry(b"", None, dir_inode(cgroup.cgroup_ns_root(task)))


def dir_inode(group: Cgroup) -> CgroupDir:
    """The directory of a group."""
    if group.inode is None:
        root = cgroup.root_of(group.system)
        group.inode = CgroupDir(superblock(group.system.vfs, root), group)
    found = group.inode
    assert isinstance(found, CgroupDir)
    return found


def file_inode(group: Cgroup, name: bytes) -> CgroupInode:
    """A file of a group."""
    found = group.files.get(name)
    if found is None:
        found = group.files[name] = CgroupInode(dir_inode(group).sb, group, FILES[name])
    assert isinstance(found, CgroupInode)
    return found


# --- files


class CgroupFileType(NamedTuple):
    """One file (Linux: struct cftype). `show(group, reader)` is its text, `store(group, writer, data)`
    takes a write.
    """

    mode: int
    show: Callable[[Cgroup, Task], str] | None = None
    store: Callable[[Cgroup, Task, bytes], None] | None = None
    in_root: bool = False
    controller: str = ""
    """Only in groups that have it."""
    event: Callable[[Cgroup], EventFile] | None = None


class CgroupInode(Inode):
    """A file of a group."""

    __slots__ = ("group", "kind")

    def __init__(self, sb: Superblock, group: Cgroup, kind: CgroupFileType) -> None:
        directory = group.inode
        super().__init__(sb, S_IFREG | kind.mode, directory.uid, directory.gid)
        self.group = group
        self.kind = kind

    def open(self, task: Task, flags: int) -> File:
        """Open it."""
        return CgroupFile(self, flags)

    def truncate(self, size: int) -> None:
        """O_TRUNC does nothing."""


class CgroupFile(SeqFile):
    """An open file of a group."""

    __slots__ = ("seen", "text")

    def __init__(self, inode: CgroupInode, flags: int) -> None:
        super().__init__(inode, flags)
        self.text: bytes | None = None
        self.seen = 0 if inode.kind.event is None else inode.kind.event(inode.group).seq

    def pread(self, task: Task, offset: int, count: int) -> bytes:
        """Read at `offset`; the text is taken anew at the start. ENODEV once the group is removed."""
        if not self.readable:
            raise SysError(EBADF)
        group, kind = self.inode.group, self.inode.kind
        if group.dead:
            raise SysError(ENODEV)
        if kind.show is None:
            raise SysError(EINVAL)
        if self.text is None or offset == 0:
            if kind.event is not None:
                self.seen = kind.event(group).seq
            self.text = kind.show(group, task).encode()
        return self.text[offset : offset + count]

    def write(self, task: Task, data: bytes) -> int:
        """One setting a write."""
        if not self.writable:
            raise SysError(EBADF)
        group, kind = self.inode.group, self.inode.kind
        if group.dead:
            raise SysError(ENODEV)
        if not data:
            return 0
        if kind.store is None:
            raise SysError(EINVAL)
        kind.store(group, task, data)
        self.pos += len(data)
        return len(data)

    def pwrite(self, task: Task, offset: int, data: bytes) -> int:
        """As write, the position left alone."""
        done = self.write(task, data)
        self.pos -= done
        return done

    def poll(self, task: Task) -> int:
        """POLLPRI and POLLERR for a change since the last read."""
        mask = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM
        event = self.inode.kind.event
        if event is not None and event(self.inode.group).seq != self.seen:
            mask |= POLLPRI | POLLERR
        return mask

    def poll_queues(self) -> tuple[Any, ...]:
        """Woken by changes."""
        event = self.inode.kind.event
        return () if event is None else (event(self.inode.group).wait,)


class CgroupDir(Inode):
    """The directory of a group."""

    __slots__ = ("group",)

    volatile: ClassVar[bool] = True

    def __init__(self, sb: Superblock, group: Cgroup) -> None:
        super().__init__(sb, S_IFDIR | (0o555 if group.parent is None else 0o755))
        self.group = group

    def _names(self) -> list[bytes]:
        group = self.group
        if group.dead:
            return []
        return [
            name
            for name, kind in FILES.items()
            if (kind.in_root or group.parent is not None)
            and (not kind.controller or (group.parent is not None and kind.controller in group.parent.subtree_control))
        ]

    def lookup(self, task: Task | None, name: bytes) -> Inode | None:
        """A group below, or a file."""
        child = self.group.children.get(name)
        if child is not None:
            return dir_inode(child)
        return file_inode(self.group, name) if name in FILES and name in self._names() else None

    def iterate(self, task: Task) -> list[Dirent]:
        """Files, then groups below."""
        found: list[tuple[bytes, Inode]] = [(name, file_inode(self.group, name)) for name in self._names()]
        found += [(name, dir_inode(child)) for name, child in self.group.children.items()]
        return [Dirent(name, inode.ino, dtype_of(inode.mode)) for name, inode in found]

    def getattr(self, task: Task) -> None:
        """A link for each group below."""
        self.nlink = 2 + len(self.group.children)

    def mkdir(self, task: Task, name: bytes, mode: int) -> Inode:
        """A new group, owned by who makes it."""
        if self.group.dead:
            raise SysError(ENOENT)
        child = cgroup.cgroup_mkdir(self.group, name)
        made = dir_inode(child)
        made.mode = S_IFDIR | mode & 0o7777
        made.uid, made.gid = task.cred.fsuid, task.cred.fsgid
        return made

    def rmdir(self, task: Task, name: bytes, inode: Inode) -> None:
        """Remove a group; EBUSY. Its files are no directory's entries: EPERM."""
        if not isinstance(inode, CgroupDir):
            raise SysError(EPERM)
        cgroup.cgroup_destroy(inode.group)


def _number(data: bytes, low: int, high: int) -> int:
    """A decimal number; EINVAL for what is none, ERANGE outside of the limits."""
    text = data.strip()
    if not text.removeprefix(b"-").isdigit():
        raise SysError(EINVAL)
    value = int(text)
    if not low <= value <= high:
        raise SysError(ERANGE)
    return value


def _limit(data: bytes, high: int, error: int) -> int | None:
    """A number from 0, or "max"; EINVAL for what is neither, `error` outside of the limits."""
    text = data.strip()
    if text == b"max":
        return None
    if not text.removeprefix(b"-").isdigit():
        raise SysError(EINVAL)
    if not 0 <= int(text) <= high:
        raise SysError(error)
    return int(text)


def _max(value: int | None) -> str:
    return "max\n" if value is None else f"{value}\n"


def show_type(group: Cgroup, reader: Task) -> str:
    """What it can hold."""
    return group.type + "\n"


def store_type(group: Cgroup, writer: Task, data: bytes) -> None:
    """Threaded groups are not there: EOPNOTSUPP; nothing else can be written."""
    raise SysError(EOPNOTSUPP if data.strip() == b"threaded" else EINVAL)


def show_procs(group: Cgroup, reader: Task) -> str:
    """Processes whose leader is in it, by their numbers for the reader."""
    ns = task_active_pid_ns(reader)
    leaders = dict.fromkeys(task.group_leader for task in group.live_tasks())
    return "".join(f"{leader.thread_pid.nr_ns(ns)}\n" for leader in leaders)


def store_procs(group: Cgroup, writer: Task, data: bytes) -> None:
    """Move a process."""
    cgroup.procs_write(group, writer, _pid(data), True)


def show_threads(group: Cgroup, reader: Task) -> str:
    """Threads in it."""
    ns = task_active_pid_ns(reader)
    return "".join(f"{task.thread_pid.nr_ns(ns)}\n" for task in group.live_tasks())


def store_threads(group: Cgroup, writer: Task, data: bytes) -> None:
    """Move a thread: only within its process's group."""
    cgroup.procs_write(group, writer, _pid(data), False)


def _pid(data: bytes) -> int:
    text = data.strip()
    if not text.isdigit() or int(text) > INT_MAX:
        raise SysError(EINVAL)
    return int(text)


def show_controllers(group: Cgroup, reader: Task) -> str:
    """What it has."""
    return " ".join(group.controllers) + "\n" if group.controllers else ""


def show_subtree_control(group: Cgroup, reader: Task) -> str:
    """What its children have."""
    return " ".join(sorted(group.subtree_control)) + "\n" if group.subtree_control else ""


def store_subtree_control(group: Cgroup, writer: Task, data: bytes) -> None:
    """Enable and disable."""
    cgroup.subtree_control_write(group, data)


def show_events(group: Cgroup, reader: Task) -> str:
    """Whether somebody is in it, and whether it is frozen."""
    return f"populated {int(group.populated)}\nfrozen {int(group.frozen)}\n"


def show_max_depth(group: Cgroup, reader: Task) -> str:
    """Levels below it."""
    return _max(group.max_depth)


def store_max_depth(group: Cgroup, writer: Task, data: bytes) -> None:
    """The next mkdir goes by it."""
    group.max_depth = _limit(data, INT_MAX, ERANGE)


def show_max_descendants(group: Cgroup, reader: Task) -> str:
    """Groups below it."""
    return _max(group.max_descendants)


def store_max_descendants(group: Cgroup, writer: Task, data: bytes) -> None:
    """The next mkdir goes by it."""
    group.max_descendants = _limit(data, INT_MAX, ERANGE)


def show_stat(group: Cgroup, reader: Task) -> str:
    """How many groups are below it."""
    groups = list(group.below())
    enabled = sum(one.has_pids or one.parent is None for one in groups)
    dying = sum(one.dying for one in groups)
    return (
        f"nr_descendants {len(groups) - 1}\nnr_subsys_pids {enabled}\n"
        f"nr_dying_descendants {dying}\nnr_dying_subsys_pids {dying}\n"
    )


def show_freeze(group: Cgroup, reader: Task) -> str:
    """Whether it is to be frozen."""
    return f"{int(group.freeze)}\n"


def store_freeze(group: Cgroup, writer: Task, data: bytes) -> None:
    """Freeze or thaw it, and what is below."""
    cgroup.cgroup_freeze(group, bool(_number(data, 0, 1)))


def store_kill(group: Cgroup, writer: Task, data: bytes) -> None:
    """Kill all in and below it."""
    _number(data, 1, 1)
    cgroup.cgroup_kill(group)


def show_pids_max(group: Cgroup, reader: Task) -> str:
    """The limit on tasks."""
    return _max(group.pids_max)


def store_pids_max(group: Cgroup, writer: Task, data: bytes) -> None:
    """The next fork goes by it."""
    group.pids_max = _limit(data, PID_MAX_LIMIT, EINVAL)


def show_pids_current(group: Cgroup, reader: Task) -> str:
    """Tasks in and below it."""
    return f"{group.pids}\n"


def show_pids_peak(group: Cgroup, reader: Task) -> str:
    """The most there ever were."""
    return f"{group.pids_peak}\n"


def show_pids_events(group: Cgroup, reader: Task) -> str:
    """Forks refused by a limit here or below."""
    return f"max {group.pids_hits}\n"


def show_pids_events_local(group: Cgroup, reader: Task) -> str:
    """Forks refused by this limit."""
    return f"max {group.pids_local_hits}\n"


def events_file(group: Cgroup) -> EventFile:
    """Behind cgroup.events."""
    return group.events


def pids_events_file(group: Cgroup) -> EventFile:
    """Behind pids.events."""
    return group.pids_events


def pids_local_file(group: Cgroup) -> EventFile:
    """Behind pids.events.local."""
    return group.pids_local


FILES: dict[bytes, CgroupFileType] = {
    b"cgroup.type": CgroupFileType(0o644, show_type, store_type),
    b"cgroup.procs": CgroupFileType(0o644, show_procs, store_procs, in_root=True),
    b"cgroup.threads": CgroupFileType(0o644, show_threads, store_threads, in_root=True),
    b"cgroup.controllers": CgroupFileType(0o444, show_controllers, in_root=True),
    b"cgroup.subtree_control": CgroupFileType(0o644, show_subtree_control, store_subtree_control, in_root=True),
    b"cgroup.events": CgroupFileType(0o444, show_events, event=events_file),
    b"cgroup.max.descendants": CgroupFileType(0o644, show_max_descendants, store_max_descendants, in_root=True),
    b"cgroup.max.depth": CgroupFileType(0o644, show_max_depth, store_max_depth, in_root=True),
    b"cgroup.stat": CgroupFileType(0o444, show_stat, in_root=True),
    b"cgroup.freeze": CgroupFileType(0o644, show_freeze, store_freeze),
    b"cgroup.kill": CgroupFileType(0o200, None, store_kill),
    b"pids.current": CgroupFileType(0o444, show_pids_current, controller="pids"),
    b"pids.peak": CgroupFileType(0o444, show_pids_peak, controller="pids"),
    b"pids.max": CgroupFileType(0o644, show_pids_max, store_pids_max, controller="pids"),
    b"pids.events": CgroupFileType(0o444, show_pids_events, controller="pids", event=pids_events_file),
    b"pids.events.local": CgroupFileType(0o444, show_pids_events_local, controller="pids", event=pids_local_file),
}
"""What a directory holds, in the order that it is listed in."""
