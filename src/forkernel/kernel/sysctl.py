"""The kernel's settings that /proc/sys shows (Linux: kernel/sysctl.c; proc(5)): what is real here, and no more.

Each setting is read from, and written to, the place the kernel itself goes by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.capability import CAP_LAST_CAP, CAP_SYS_RESOURCE
from forkernel.abi.inotify import UCOUNT_INOTIFY_INSTANCES, UCOUNT_INOTIFY_WATCHES
from forkernel.abi.namespace import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
)
from forkernel.abi.seccomp import ACTION_NAMES
from forkernel.abi.utsname import NEW_UTS_LEN, UTS_RELEASE, UTS_SYSNAME, UTS_VERSION
from forkernel.fs.proc.proc_sysctl import Sysctl
from forkernel.fs.proc.super import ProcSuperblock
from forkernel.kernel.cred import NGROUPS_MAX
from forkernel.kernel.fs_sysctl import FS_SYSCTLS
from forkernel.kernel.ipc_sysctl import IPC_SYSCTLS
from forkernel.kernel.machine_sysctl import MACHINE_SYSCTLS
from forkernel.kernel.net_sysctl import NET_SYSCTLS
from forkernel.kernel.pid import PID_MAX_LIMIT, RESERVED_PIDS
from forkernel.kernel.pid_namespace import get_ns_last_pid, set_ns_last_pid
from forkernel.kernel.procfs import make_uuid
from forkernel.kernel.sched_sysctl import SCHED_SYSCTLS
from forkernel.kernel.vm_sysctl import VM_SYSCTLS
from forkernel.namespace import OVERFLOW_ID, init_user_ns

if TYPE_CHECKING:
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task

ENTROPY_BITS = 256
MIN_THREADS = 1
MAX_THREADS = 0x3FFFFFFF


def get_pid_max(task: Task) -> int:
    """One above the largest process ID handed out in the reader's PID namespace."""
    return task.thread_pid.ns.pid_max


def set_pid_max(task: Task, value: int) -> None:
    """The next allocation goes by it."""
    task.thread_pid.ns.pid_max = value


def get_threads_max(system: System) -> int:
    """How many tasks there may be."""
    return system.threads_max


def set_threads_max(system: System, value: int) -> None:
    """The next fork goes by it."""
    system.threads_max = value


def get_hostname(reader: Task) -> bytes:
    """The host's name, as uname gives it."""
    name: bytes = reader.nsproxy.uts_ns.hostname
    return name


def set_hostname(writer: Task, value: bytes) -> None:
    """As sethostname."""
    writer.nsproxy.uts_ns.hostname = value


def get_domainname(reader: Task) -> bytes:
    """The NIS domain."""
    name: bytes = reader.nsproxy.uts_ns.domainname
    return name


def set_domainname(writer: Task, value: bytes) -> None:
    """As setdomainname."""
    writer.nsproxy.uts_ns.domainname = value


def get_ostype(system: System) -> bytes:
    """The kernel's name."""
    return UTS_SYSNAME


def get_osrelease(system: System) -> bytes:
    """The kernel's release."""
    return UTS_RELEASE


def get_version(system: System) -> bytes:
    """The kernel's version."""
    return UTS_VERSION


def get_boot_id(system: System) -> bytes:
    """A UUID of this boot."""
    sb = system.vfs.internal[b"proc"]
    assert isinstance(sb, ProcSuperblock)
    return sb.boot_id


def get_uuid(system: System) -> bytes:
    """Another UUID at each reading."""
    return make_uuid(system.rng.randbytes(16))


def get_entropy(system: System) -> int:
    """The pool is always full: its source is the seed."""
    return ENTROPY_BITS


def get_seccomp_actions(system: System) -> bytes:
    """What a seccomp filter may answer, strictest first."""
    return " ".join(ACTION_NAMES.values()).encode()


def get_ngroups_max(system: System) -> int:
    """Supplementary groups that a process may have."""
    return NGROUPS_MAX


def get_cap_last_cap(system: System) -> int:
    """The highest capability."""
    return CAP_LAST_CAP


def get_randomize(system: System) -> int:
    """Stack, mappings and heap are placed at random (from the seed)."""
    return 2


def get_overflow_id(system: System) -> int:
    """Shown for a user or group that the reader's namespace has no number for."""
    return OVERFLOW_ID


class MaxNamespaces:
    """/proc/sys/user/max_*_namespaces: how many of a kind a user may make in the caller's user namespace."""

    __slots__ = ("kind",)

    def __init__(self, kind: int) -> None:
        self.kind = kind

    def get(self, reader: Task) -> int:
        """The limit."""
        return reader.system.ucounts.limit(reader.cred.user_ns, self.kind)

    def set(self, writer: Task, value: int) -> None:
        """The next one goes by it."""
        writer.system.ucounts.limits[writer.cred.user_ns, self.kind] = value


def max_namespaces(name: bytes, kind: int) -> Sysctl:
    """The setting of a kind."""
    limit = MaxNamespaces(kind)
    path = b"user/max_%s_namespaces" % name
    return Sysctl(path, 0o644, limit.get, limit.set, capability=CAP_SYS_RESOURCE, by_task=True)


def get_max_queued_events(system: System) -> int:
    """Events that wait in an inotify instance before one says that there were too many."""
    most: int = system.vfs.inotify_max_queued_events
    return most


def set_max_queued_events(system: System, value: int) -> None:
    """For instances made from now on."""
    system.vfs.inotify_max_queued_events = value


class MaxUser:
    """/proc/sys/fs/inotify/max_user_*: how many of a kind each user may have, in the initial user namespace."""

    __slots__ = ("kind",)

    def __init__(self, kind: int) -> None:
        self.kind = kind

    def get(self, system: System) -> int:
        """The limit."""
        return system.ucounts.limit(init_user_ns, self.kind)

    def set(self, system: System, value: int) -> None:
        """The next one goes by it."""
        system.ucounts.limits[init_user_ns, self.kind] = value


def inotify_limits(name: bytes, kind: int) -> list[Sysctl]:
    """The two settings of a kind: of the machine, and of the reader's user namespace."""
    machine, own = MaxUser(kind), MaxNamespaces(kind)
    path = b"user/max_inotify_%s" % name
    return [
        Sysctl(b"fs/inotify/max_user_%s" % name, 0o644, machine.get, machine.set),
        Sysctl(path, 0o644, own.get, own.set, capability=CAP_SYS_RESOURCE, by_task=True),
    ]


def get_aio_nr(system: System) -> int:
    """Requests that all io_setup calls together asked for."""
    return system.aio.nr if system.aio is not None else 0


def get_aio_max_nr(system: System) -> int:
    """What io_setup allows."""
    from forkernel.kernel.aio import aio_of

    return aio_of(system).max_nr


def set_aio_max_nr(system: System, value: int) -> None:
    """The next io_setup goes by it."""
    from forkernel.kernel.aio import aio_of

    aio_of(system).max_nr = value


def get_lease_break_time(system: System) -> int:
    """Seconds that the holder of a lease has to give it up."""
    seconds: int = system.vfs.lease_break_time
    return seconds


def set_lease_break_time(system: System, value: int) -> None:
    """For leases that are asked back from now on."""
    system.vfs.lease_break_time = value


SYSCTLS: list[Sysctl] = [
    Sysctl(b"fs/lease-break-time", 0o644, get_lease_break_time, set_lease_break_time),
    Sysctl(b"fs/aio-max-nr", 0o644, get_aio_max_nr, set_aio_max_nr),
    Sysctl(b"fs/aio-nr", 0o444, get_aio_nr),
    Sysctl(b"fs/inotify/max_queued_events", 0o644, get_max_queued_events, set_max_queued_events),
    *inotify_limits(b"instances", UCOUNT_INOTIFY_INSTANCES),
    *inotify_limits(b"watches", UCOUNT_INOTIFY_WATCHES),
    Sysctl(b"kernel/cap_last_cap", 0o444, get_cap_last_cap),
    Sysctl(b"kernel/domainname", 0o644, get_domainname, set_domainname, high=NEW_UTS_LEN, by_task=True),
    Sysctl(b"kernel/hostname", 0o644, get_hostname, set_hostname, high=NEW_UTS_LEN, by_task=True),
    Sysctl(b"kernel/ngroups_max", 0o444, get_ngroups_max),
    Sysctl(b"kernel/osrelease", 0o444, get_osrelease),
    Sysctl(b"kernel/ostype", 0o444, get_ostype),
    Sysctl(b"kernel/ns_last_pid", 0o666, get_ns_last_pid, set_ns_last_pid, 0, PID_MAX_LIMIT, by_task=True),
    Sysctl(b"kernel/overflowgid", 0o444, get_overflow_id),
    Sysctl(b"kernel/overflowuid", 0o444, get_overflow_id),
    Sysctl(
        b"kernel/pid_max",
        0o644,
        get_pid_max,
        set_pid_max,
        RESERVED_PIDS + 1,
        PID_MAX_LIMIT,
        by_task=True,
        of_pid_ns=True,
    ),
    Sysctl(b"kernel/random/boot_id", 0o444, get_boot_id),
    Sysctl(b"kernel/random/entropy_avail", 0o444, get_entropy),
    Sysctl(b"kernel/random/poolsize", 0o444, get_entropy),
    Sysctl(b"kernel/random/uuid", 0o444, get_uuid),
    Sysctl(b"kernel/randomize_va_space", 0o444, get_randomize),
    Sysctl(b"kernel/seccomp/actions_avail", 0o444, get_seccomp_actions),
    Sysctl(b"kernel/threads-max", 0o644, get_threads_max, set_threads_max, MIN_THREADS, MAX_THREADS),
    Sysctl(b"kernel/version", 0o444, get_version),
    *FS_SYSCTLS,
    *IPC_SYSCTLS,
    *SCHED_SYSCTLS,
    *VM_SYSCTLS,
    *MACHINE_SYSCTLS,
    max_namespaces(b"cgroup", CLONE_NEWCGROUP),
    max_namespaces(b"ipc", CLONE_NEWIPC),
    max_namespaces(b"mnt", CLONE_NEWNS),
    max_namespaces(b"net", CLONE_NEWNET),
    max_namespaces(b"pid", CLONE_NEWPID),
    max_namespaces(b"time", CLONE_NEWTIME),
    max_namespaces(b"user", CLONE_NEWUSER),
    max_namespaces(b"uts", CLONE_NEWUTS),
    *NET_SYSCTLS,
]
"""All settings, by path below /proc/sys."""
