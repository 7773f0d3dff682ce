"""/proc itself: the files about the whole machine, self, and a directory for each process (Linux: fs/proc/root.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import ENOENT
from forkernel.abi.stat import Dirent, dtype_of
from forkernel.errors import SysError
from forkernel.fs.inode import Inode
from forkernel.fs.proc import hardware, machine
from forkernel.fs.proc.base import PidDir, pid_of_name
from forkernel.fs.proc.inode import Entry, ProcLink, StaticDir
from forkernel.fs.proc.locks import proc_locks_show
from forkernel.fs.proc.options import HIDEPID_INVISIBLE, HIDEPID_NO_ACCESS, HIDEPID_NOT_PTRACEABLE
from forkernel.fs.proc.proc_sysctl import Sysctl, add_sysctl
from forkernel.fs.proc.super import ProcSuperblock

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.kernel.task import Task

SELF_LINKS = (b"self", b"thread-self")
KEPT_DIRECTORIES = 1024
"""Directories of processes kept before those of the dead are thrown away."""


class ProcRoot(StaticDir):
    """The root directory."""

    __slots__ = ("pids",)

    def __init__(self, sb: ProcSuperblock) -> None:
        super().__init__(sb)
        self.pids: dict[int, PidDir] = {}

    def lookup(self, task: Task, name: bytes) -> Inode | None:
        """A file about the machine, or a process by its ID (a thread's ID works too, but is not listed)."""
        found = self.children.get(name)
        if found is not None:
            return None if self.sb.pidonly and name not in SELF_LINKS else found
        pid = pid_of_name(name)
        inode = None if pid is None else self.pid_lookup(pid)
        if inode is not None and self.sb.hide_pid == HIDEPID_NOT_PTRACEABLE:
            target = inode.task()
            if target is None or not self.sb.may_see(task, target, HIDEPID_NO_ACCESS):
                return None
        return inode

    def pid_lookup(self, pid: int) -> PidDir | None:
        """The directory of a process."""
        target = self.sb.pid_ns.find(pid)
        if target is None:
            self.pids.pop(pid, None)
            return None
        found = self.pids.get(pid)
        if found is None or found.thread_pid is not target.thread_pid:
            if len(self.pids) >= KEPT_DIRECTORIES:
                self.pids = {key: kept for key, kept in self.pids.items() if kept.task() is not None}
            found = self.pids[pid] = PidDir(self.sb, target)
        found.own(found, target)
        return found

    def iterate(self, task: Task) -> list[Dirent]:
        """Files about the machine, then the processes by ID."""
        sb = self.sb
        names = {name: self.children[name] for name in SELF_LINKS} if sb.pidonly else self.children
        found = [Dirent(name, inode.ino, dtype_of(inode.mode)) for name, inode in names.items()]
        for pid in sb.kernel.process_ids(sb.pid_ns):
            inode = self.pid_lookup(pid)
            target = None if inode is None else inode.task()
            if inode is not None and target is not None and sb.may_see(task, target, HIDEPID_INVISIBLE):
                found.append(Dirent(b"%d" % pid, inode.ino, dtype_of(inode.mode)))
        return found

    def getattr(self, task: Task) -> None:
        """A link count for each process."""
        self.nlink = (
            len(self.sb.kernel.process_ids(self.sb.pid_ns)) + 2 + sum(1 for c in self.children.values() if c.nlink > 1)
        )


def self_link(inode: Any, reader: Task) -> bytes:
    """The reader's process; ENOENT for one outside the PID namespace of this procfs."""
    return b"%d" % _number(inode, reader.group_leader)


def thread_self_link(inode: Any, reader: Task) -> bytes:
    """The reader's thread."""
    return b"%d/task/%d" % (_number(inode, reader.group_leader), _number(inode, reader))


def _number(inode: Any, task: Task) -> int:
    number: int = task.thread_pid.nr_ns(inode.sb.pid_ns)
    if not number:
        raise SysError(ENOENT)
    return number


def net_link(inode: Any, reader: Task) -> bytes:
    """/proc/net is that of the reader."""
    return b"self/net"


def mounts_link(inode: Any, reader: Task) -> bytes:
    """/proc/mounts is that of the reader."""
    return b"self/mounts"


def open_kmsg(inode: Any, task: Task, flags: int) -> File:
    """The kernel log, as a stream."""
    from forkernel.fs.kmsg import proc_kmsg_open

    return proc_kmsg_open(inode, task, flags)


MACHINE_FILES: dict[bytes, Entry] = {
    b"buddyinfo": Entry(0o444, hardware.buddyinfo),
    b"cmdline": Entry(0o444, hardware.cmdline),
    b"consoles": Entry(0o444, hardware.consoles),
    b"cpuinfo": Entry(0o444, machine.cpuinfo),
    b"devices": Entry(0o444, hardware.devices),
    b"diskstats": Entry(0o444, hardware.nothing),
    b"execdomains": Entry(0o444, hardware.execdomains),
    b"filesystems": Entry(0o444, machine.filesystems),
    b"interrupts": Entry(0o444, hardware.interrupts),
    b"iomem": Entry(0o400, hardware.iomem),
    b"kmsg": Entry(0o400, opener=open_kmsg),
    b"loadavg": Entry(0o444, machine.loadavg),
    b"locks": Entry(0o444, proc_locks_show),
    b"meminfo": Entry(0o444, machine.meminfo),
    b"misc": Entry(0o444, hardware.nothing),
    b"partitions": Entry(0o444, hardware.nothing),
    b"slabinfo": Entry(0o400, machine.slabinfo),
    b"softirqs": Entry(0o444, hardware.softirqs),
    b"stat": Entry(0o444, machine.stat),
    b"swaps": Entry(0o444, machine.swaps),
    b"timer_list": Entry(0o400, hardware.timer_list),
    b"uptime": Entry(0o444, machine.uptime),
    b"version": Entry(0o444, machine.version),
    b"vmstat": Entry(0o444, machine.vmstat),
    b"zoneinfo": Entry(0o444, hardware.zoneinfo),
}


def proc_cgroups(inode: Any, reader: Task) -> bytes:
    """Controllers of control groups."""
    text: bytes = inode.sb.kernel.cgroup_controllers()
    return text


def sysvipc_sem(inode: Any, reader: Task) -> bytes:
    """Sets of semaphores."""
    text: bytes = inode.sb.kernel.sysvipc(reader, "sem")
    return text


def sysvipc_shm(inode: Any, reader: Task) -> bytes:
    """Segments of shared memory."""
    text: bytes = inode.sb.kernel.sysvipc(reader, "shm")
    return text


def sysvipc_msg(inode: Any, reader: Task) -> bytes:
    """Message queues."""
    text: bytes = inode.sb.kernel.sysvipc(reader, "msg")
    return text


MACHINE_FILES[b"cgroups"] = Entry(0o444, proc_cgroups)
SYSVIPC: dict[bytes, Entry] = {
    b"msg": Entry(0o444, sysvipc_msg),
    b"sem": Entry(0o444, sysvipc_sem),
    b"shm": Entry(0o444, sysvipc_shm),
}


def proc_fill_super(sb: ProcSuperblock, sysctls: list[Sysctl]) -> ProcRoot:
    """Make the root directory with all that is in it; `sb.kernel` is set."""
    root = ProcRoot(sb)
    for name, entry in MACHINE_FILES.items():
        root.add(name, entry)
    root.children[b"mounts"] = ProcLink(sb, mounts_link)
    root.children[b"net"] = ProcLink(sb, net_link)
    root.children[b"self"] = ProcLink(sb, self_link)
    root.children[b"thread-self"] = ProcLink(sb, thread_self_link)
    for name, entry in SYSVIPC.items():
        root.subdir(b"sysvipc").add(name, entry)
    root.subdir(b"tty").add(b"drivers", Entry(0o444, hardware.tty_drivers))
    for sysctl in sysctls:
        add_sysctl(root.subdir(b"sys"), sysctl)
    return root
