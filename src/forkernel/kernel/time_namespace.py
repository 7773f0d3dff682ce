"""Time namespaces: offsets of CLOCK_MONOTONIC and CLOCK_BOOTTIME (Linux: kernel/time/namespace.c; time_namespaces(7)).

unshare and clone make a namespace for the children to come, whose offsets may be set by /proc/PID/timens_offsets until
the first process is in it: a child of fork, who execs, or who enters by setns (`freeze`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.capability import CAP_SYS_TIME
from forkernel.abi.errno import EACCES, EINVAL, EPERM, ERANGE, EUSERS
from forkernel.abi.namespace import CLONE_NEWTIME, TIME_NS_INIT_INO
from forkernel.abi.time import CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM, CLOCK_MONOTONIC
from forkernel.errors import SysError
from forkernel.namespace import NsCommon, UserNamespace, cap_capable, init_user_ns

if TYPE_CHECKING:
    from forkernel.kernel.nsproxy import Nsproxy, Nsset
    from forkernel.kernel.task import Task

NSEC_PER_SEC = 1_000_000_000
KTIME_MAX = (1 << 63) - 1
KTIME_SEC_MAX = KTIME_MAX // NSEC_PER_SEC
PAGE_SIZE = 4096
CLOCK_NAMES = {b"monotonic": CLOCK_MONOTONIC, b"1": CLOCK_MONOTONIC, b"boottime": CLOCK_BOOTTIME, b"7": CLOCK_BOOTTIME}


class TimeNamespace(NsCommon):
    """Linux: struct time_namespace. Offsets in nanoseconds."""

    __slots__ = ("boottime", "frozen", "monotonic")

    nstype = CLONE_NEWTIME
    name = b"time"

    def __init__(
        self, system: Any, user_ns: UserNamespace, monotonic: int = 0, boottime: int = 0, inum: int = 0
    ) -> None:
        super().__init__(system, user_ns, inum)
        self.monotonic = monotonic
        self.boottime = boottime
        self.frozen = False
        """A process is or was in it: the offsets stay as they are."""

    def offset(self, clock_id: int) -> int:
        """What the clock shows more here than in the first namespace."""
        return self.boottime if clock_id in (CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM) else self.monotonic

    def install(self, nsset: Nsset) -> None:
        """setns: EUSERS for a threaded process, EPERM without CAP_SYS_ADMIN over it and the one to be in."""
        mm = nsset.task.mm
        if len(nsset.task.signal.threads) > 1 or (mm is not None and mm.users > 1):
            raise SysError(EUSERS)
        if not nsset.admin_over(self.user_ns):
            raise SysError(EPERM)
        nsset.nsproxy.replace("time_ns", self.get())
        nsset.nsproxy.replace("time_ns_for_children", self.get())
        self.frozen = True


def init_time_ns(system: Any) -> TimeNamespace:
    """The first one."""
    ns = TimeNamespace(system, init_user_ns, inum=TIME_NS_INIT_INO)
    ns.frozen = True
    return ns


def copy_time_ns(task: Task, user_ns: UserNamespace, old: TimeNamespace) -> TimeNamespace:
    """CLONE_NEWTIME: a namespace that starts with the old one's offsets."""
    return TimeNamespace(task.system, user_ns, old.monotonic, old.boottime)


def timens_on_fork(nsproxy: Nsproxy) -> None:
    """A new address space: now its task is in the time namespace that was chosen for children."""
    ns = nsproxy.time_ns_for_children
    if nsproxy.time_ns is not ns:
        nsproxy.replace("time_ns", ns.get())
        ns.frozen = True


def timens_ktime_to_host(task: Task, clock_id: int, when: int) -> int:
    """A time of one of the task's clocks as the machine counts it; the past is 0 or later (Linux: of the same name)."""
    ns: TimeNamespace = task.nsproxy.time_ns
    if clock_id not in (CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM):
        return when
    return min(max(when - ns.offset(clock_id), 0), KTIME_MAX)


# --- /proc/PID/timens_offsets


def show_offsets(target: Task) -> bytes:
    """The offsets for the task's children, a line a clock."""
    ns = target.nsproxy.time_ns_for_children
    return b"".join(
        b"%-10s %10d %9d\n" % (name, *divmod(offset, NSEC_PER_SEC))
        for name, offset in ((b"monotonic", ns.monotonic), (b"boottime", ns.boottime))
    )


def write_offsets(writer: Task, target: Task, data: bytes) -> None:
    """Set offsets: lines of clock, seconds, nanoseconds. EINVAL; EPERM without CAP_SYS_TIME over the namespace; ERANGE
    for a clock that would stand before 0 or too late; EACCES once a process was in it.
    """
    if len(data) >= PAGE_SIZE:
        raise SysError(EINVAL)
    lines = [line for line in data.split(b"\0")[0].split(b"\n") if line]
    offsets = [parse_offset(line) for line in lines[:2]]
    if not offsets:
        raise SysError(EINVAL)
    ns = target.nsproxy.time_ns_for_children
    if not cap_capable(writer.cred, ns.user_ns, CAP_SYS_TIME):
        raise SysError(EPERM)
    now = target.system.clock.monotonic()
    for _, seconds, nanoseconds in offsets:
        shown = (now + seconds * NSEC_PER_SEC + nanoseconds) // NSEC_PER_SEC
        if abs(seconds) > KTIME_SEC_MAX or not 0 <= shown <= KTIME_SEC_MAX // 2:
            raise SysError(ERANGE)
    if ns.frozen:
        raise SysError(EACCES)
    for clock_id, seconds, nanoseconds in offsets:
        value = seconds * NSEC_PER_SEC + nanoseconds
        if clock_id == CLOCK_MONOTONIC:
            ns.monotonic = value
        else:
            ns.boottime = value


def parse_offset(line: bytes) -> tuple[int, int, int]:
    """Clock, seconds, nanoseconds of one line; EINVAL."""
    fields = line.split()
    if len(fields) < 3 or fields[0] not in CLOCK_NAMES or not fields[2].isdigit():
        raise SysError(EINVAL)
    sign, digits = (-1, fields[1][1:]) if fields[1][:1] == b"-" else (1, fields[1])
    if not digits.isdigit() or len(digits) > 20 or int(fields[2][:20]) >= NSEC_PER_SEC:
        raise SysError(EINVAL)
    return CLOCK_NAMES[fields[0]], sign * int(digits), int(fields[2])
