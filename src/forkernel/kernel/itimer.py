"""Interval timers: getitimer, setitimer and alarm.

ITIMER_REAL is a timer of the process on CLOCK_MONOTONIC that sends SIGALRM. A periodic one starts again
when its signal is taken, not when it is sent, so a process that holds SIGALRM back is not flooded.
ITIMER_VIRTUAL and ITIMER_PROF run on the CPU time of the process and send SIGVTALRM and SIGPROF.

Each lives in `signal.itimers`; all survive execve, none is inherited by a child.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import EINVAL
from forkernel.abi.signal import SI_KERNEL, SIGALRM, SIGPROF, SIGVTALRM, SigInfo
from forkernel.abi.time import CPUCLOCK_PROF, CPUCLOCK_VIRT, ITIMER_PROF, ITIMER_REAL, ITIMER_VIRTUAL
from forkernel.errors import SysError
from forkernel.kernel import signal
from forkernel.kernel.clock import NSEC_PER_SEC
from forkernel.kernel.hrtimer import Timer
from forkernel.kernel.posix_clock import CpuClock
from forkernel.kernel.posix_cpu_timers import CpuTimer

if TYPE_CHECKING:
    from forkernel.kernel.task import SignalStruct, Task

NSEC_PER_USEC = 1000
SIGNALS = {ITIMER_VIRTUAL: SIGVTALRM, ITIMER_PROF: SIGPROF}
KINDS = {ITIMER_VIRTUAL: CPUCLOCK_VIRT, ITIMER_PROF: CPUCLOCK_PROF}


def group_leader(group: SignalStruct) -> Task:
    """The task that signals for a process are addressed to."""
    return next(iter(group.threads)).group_leader


class RealTimer(Timer):
    """ITIMER_REAL of a process (Linux: signal->real_timer). `interval` 0: once."""

    __slots__ = ("group", "interval", "system")

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.group = task.signal
        self.system = task.system
        self.interval = 0

    def fire(self) -> None:
        """Send SIGALRM. If one is pending already, whose taking will not start this timer, start it now."""
        group = self.group
        merged = group.shared_pending.bits >> SIGALRM - 1 & 1
        info = SigInfo(SIGALRM, SI_KERNEL, timer=self if self.interval else None)
        signal.send_sig_info(SIGALRM, info, group_leader(group))
        if merged:
            self.rearm(info)

    def rearm(self, info: SigInfo) -> bool:
        """The signal was taken: start the next period, counted from the last."""
        if self.interval and not self.queued:
            now = self.system.clock.monotonic()
            missed = max(0, now - self.expires) // self.interval
            self.system.timers.start(self, self.expires + (missed + 1) * self.interval)
        return True

    def value(self) -> int:
        """Nanoseconds until the next expiry, 0 when disarmed."""
        return max(NSEC_PER_USEC, self.expires - self.system.clock.monotonic()) if self.queued else 0

    def set(self, value: int, interval: int) -> None:
        """Arm for `value` nanoseconds from now, 0 disarms."""
        self.system.timers.cancel(self)
        self.interval = interval if value else 0
        if value:
            self.system.timers.start(self, self.system.clock.monotonic() + value)


class CpuItimer(CpuTimer):
    """ITIMER_VIRTUAL or ITIMER_PROF of a process."""

    __slots__ = ("interval", "which")

    def __init__(self, task: Task, which: int) -> None:
        super().__init__(CpuClock(task.signal, None, KINDS[which]))
        self.which = which
        self.interval = 0

    def fire(self) -> None:
        """Send the signal and start the next period."""
        if self.interval:
            missed = max(0, self.clock.sample() - self.expires) // self.interval
            self.start(self.expires + (missed + 1) * self.interval)
        signal.send_sig_info(SIGNALS[self.which], None, group_leader(self.clock.group))

    def value(self) -> int:
        """Nanoseconds of CPU time until the next expiry, 0 when disarmed."""
        return max(NSEC_PER_USEC, self.expires - self.clock.sample()) if self.queued else 0

    def set(self, value: int, interval: int) -> None:
        """Arm for `value` nanoseconds of CPU time from now, 0 disarms."""
        self.cancel()
        self.interval = interval if value else 0
        if value:
            self.start(self.clock.sample() + value)


def getitimer(task: Task, which: int) -> tuple[int, int]:
    """(time left, interval) in nanoseconds, zeros for a timer that is not set; EINVAL."""
    if which not in (ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF):
        raise SysError(EINVAL)
    timer: RealTimer | CpuItimer | None = task.signal.itimers[which]
    return (timer.value(), timer.interval) if timer is not None else (0, 0)


def setitimer(task: Task, which: int, value: int, interval: int) -> tuple[int, int]:
    """Set a timer, `value` and `interval` in nanoseconds; returns what `getitimer` said before. EINVAL."""
    old = getitimer(task, which)
    timer: RealTimer | CpuItimer | None = task.signal.itimers[which]
    if timer is None:
        timer = RealTimer(task) if which == ITIMER_REAL else CpuItimer(task, which)
        timers = list(task.signal.itimers)
        timers[which] = timer
        task.signal.itimers = (timers[0], timers[1], timers[2])
    timer.set(value, interval)
    return old


def alarm(task: Task, seconds: int) -> int:
    """Set ITIMER_REAL to `seconds` (alarm(2)); returns the seconds that were left, rounded, 1 at least if any."""
    left, _ = setitimer(task, ITIMER_REAL, seconds * NSEC_PER_SEC, 0)
    whole, part = divmod(left, NSEC_PER_SEC)
    if (not whole and part) or part >= NSEC_PER_SEC // 2:
        whole += 1
    return whole


def exit_real_timer(group: SignalStruct) -> None:
    """The process is gone: no more SIGALRM."""
    timer = group.itimers[ITIMER_REAL]
    if timer is not None:
        timer.set(0, 0)
