"""Clock IDs (clock_gettime(2), clock_getcpuclockid(3)): which clock a number names, and what it says.

IDs 0 to 11 are the system's clocks and the caller's own CPU clocks; a negative ID is the CPU clock of the
process or thread whose PID is encoded in it. There is no real-time-clock device, so the alarm clocks answer
as on a machine without one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from forkernel.abi.capability import CAP_SYS_TIME
from forkernel.abi.errno import EINVAL, EOPNOTSUPP, EPERM
from forkernel.abi.time import (
    CLOCK_BOOTTIME,
    CLOCK_BOOTTIME_ALARM,
    CLOCK_MONOTONIC,
    CLOCK_MONOTONIC_COARSE,
    CLOCK_MONOTONIC_RAW,
    CLOCK_PROCESS_CPUTIME_ID,
    CLOCK_REALTIME,
    CLOCK_REALTIME_ALARM,
    CLOCK_REALTIME_COARSE,
    CLOCK_TAI,
    CLOCK_THREAD_CPUTIME_ID,
    CLOCKFD,
    COARSE_NSEC,
    CPUCLOCK_CLOCK_MASK,
    CPUCLOCK_PERTHREAD_MASK,
    CPUCLOCK_PROF,
    CPUCLOCK_SCHED,
    CPUCLOCK_VIRT,
    Itimerspec,
    Timespec,
)
from forkernel.errors import SysError
from forkernel.kernel.clock import CLOCK_RES, NSEC_PER_SEC
from forkernel.kernel.cputime import task_cputime, thread_group_cputime
from forkernel.kernel.cred import capable
from forkernel.kernel.hrtimer import KTIME_MAX
from forkernel.kernel.pid import find_task_by_vpid

if TYPE_CHECKING:
    from forkernel.kernel.task import SignalStruct, Task

REALTIME_CLOCKS = (CLOCK_REALTIME, CLOCK_TAI)
"""Clocks that clock_settime moves and that timers can be set for."""
TIMER_CLOCKS = (CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI)
ALARM_CLOCKS = (CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM)
READ_ONLY_CLOCKS = (CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE)
SINCE_BOOT = (CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_COARSE)
SINCE_1970 = (CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_TAI)
COARSE_CLOCKS = (CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE)


# --- conversions


def timespec_to_ns(value: Timespec) -> int:
    """Nanoseconds, at most KTIME_MAX. EINVAL for a negative time or nanoseconds out of range."""
    return checked_ns(value.tv_sec, value.tv_nsec)


def checked_ns(sec: int, nsec: int) -> int:
    """`timespec_to_ns` for the two parts."""
    if sec < 0 or not 0 <= nsec < NSEC_PER_SEC:
        raise SysError(EINVAL)
    return min(sec * NSEC_PER_SEC + nsec, KTIME_MAX)


def ns_to_timespec(nanoseconds: int) -> Timespec:
    """A time as struct timespec."""
    return Timespec(*divmod(nanoseconds, NSEC_PER_SEC))


def ns_to_itimerspec(value: int, interval: int) -> Itimerspec:
    """Struct itimerspec of two times."""
    return Itimerspec(*divmod(interval, NSEC_PER_SEC), *divmod(value, NSEC_PER_SEC))


# --- CPU clocks


class CpuClock(NamedTuple):
    """A CPU clock: the time of the thread `task`, or of the process `group` where that is None."""

    group: SignalStruct
    task: Task | None
    kind: int
    """CPUCLOCK_PROF (user and system time), CPUCLOCK_VIRT (user time) or CPUCLOCK_SCHED (as PROF, finer)."""

    @property
    def alive(self) -> bool:
        """Whether there still is such a thread or process."""
        return self.task in self.group.threads if self.task is not None else bool(self.group.threads)

    def sample(self) -> int:
        """Nanoseconds of CPU time used."""
        times = thread_group_cputime(self.group) if self.task is None else task_cputime(self.task)
        return times[0] if self.kind == CPUCLOCK_VIRT else times[0] + times[1]


def cpu_clock(task: Task, clock_id: int, *, gettime: bool = False) -> CpuClock:
    """The CPU clock that `clock_id` names to `task`; EINVAL (Linux: pid_for_clock).

    A thread's clock is for its own process only. A process's is named by its PID; to read the own one
    (`gettime`), the caller's TID will do.
    """
    if clock_id == CLOCK_PROCESS_CPUTIME_ID:
        return CpuClock(task.signal, None, CPUCLOCK_SCHED)
    if clock_id == CLOCK_THREAD_CPUTIME_ID:
        return CpuClock(task.signal, task, CPUCLOCK_SCHED)
    kind, pid = clock_id & CPUCLOCK_CLOCK_MASK, ~(clock_id >> 3)
    per_thread = bool(clock_id & CPUCLOCK_PERTHREAD_MASK)
    if clock_id >= 0 or kind not in (CPUCLOCK_PROF, CPUCLOCK_VIRT, CPUCLOCK_SCHED):
        raise SysError(EINVAL)
    target = task if pid == 0 else find_task_by_vpid(task, pid) if pid > 0 else None
    if target is None:
        raise SysError(EINVAL)
    allowed = target.signal is task.signal if per_thread else target.is_leader or (gettime and target is task)
    if not allowed:
        raise SysError(EINVAL)
    return CpuClock(target.signal, target if per_thread else None, kind)


def is_cpu_clock(clock_id: int) -> bool:
    """Whether the ID belongs to a CPU clock, of whomever."""
    own = clock_id in (CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID)
    return own or (clock_id < 0 and clock_id & (CPUCLOCK_PERTHREAD_MASK | CPUCLOCK_CLOCK_MASK) != CLOCKFD)


# --- the calls


def clock_gettime(task: Task, clock_id: int) -> int:
    """What the clock says, in nanoseconds; EINVAL."""
    if clock_id in SINCE_BOOT:
        ns = task.nsproxy.time_ns
        now = task.system.clock.monotonic()
        offset: int = ns.boottime if clock_id == CLOCK_BOOTTIME else ns.monotonic
        return now + offset
    if clock_id in SINCE_1970:
        return task.system.clock.realtime()
    return cpu_clock(task, clock_id, gettime=True).sample()


def clock_getres(task: Task, clock_id: int) -> int:
    """Resolution of the clock in nanoseconds; EINVAL."""
    if clock_id in TIMER_CLOCKS or clock_id == CLOCK_MONOTONIC_RAW:
        return CLOCK_RES
    if clock_id in COARSE_CLOCKS:
        return COARSE_NSEC
    return CLOCK_RES if cpu_clock(task, clock_id).kind == CPUCLOCK_SCHED else COARSE_NSEC


def clock_settable(task: Task, clock_id: int) -> None:
    """EINVAL for a clock that nobody can set, EPERM for another's CPU clock; only CLOCK_REALTIME returns."""
    if clock_id < 0:
        cpu_clock(task, clock_id)
        raise SysError(EPERM)
    if clock_id != CLOCK_REALTIME:
        raise SysError(EINVAL)


def set_realtime(task: Task, value: int) -> None:
    """Set CLOCK_REALTIME; EPERM without CAP_SYS_TIME, EINVAL for a time before boot."""
    if not capable(task, CAP_SYS_TIME):
        raise SysError(EPERM)
    clock = task.system.clock
    if value < clock.monotonic():
        raise SysError(EINVAL)
    clock.set_realtime(value)


def sleep_clock(task: Task, clock_id: int) -> CpuClock | None:
    """The CPU clock to sleep on, None for a system clock (clock_nanosleep). EINVAL, EOPNOTSUPP."""
    if clock_id in TIMER_CLOCKS or clock_id in ALARM_CLOCKS:
        return None
    if clock_id in READ_ONLY_CLOCKS or clock_id == CLOCK_THREAD_CPUTIME_ID:
        raise SysError(EOPNOTSUPP)
    if clock_id < 0 and not is_cpu_clock(clock_id):
        raise SysError(EOPNOTSUPP)
    return cpu_clock(task, clock_id)


def require_other_thread(task: Task, clock: CpuClock) -> CpuClock:
    """`clock`, unless it is the caller's own thread's, whose time would never come: EINVAL."""
    if clock.task is task:
        raise SysError(EINVAL)
    return clock
