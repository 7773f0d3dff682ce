"""Timers on CPU time: ITIMER_VIRTUAL, ITIMER_PROF, timer_create on CPU clocks, sleeping on them, RLIMIT_CPU.

CPU time passes only while a thread runs, so these timers are not in the clock's queue: each process keeps
its armed ones in `signal.cpu_timers`, and the scheduler calls `check_cpu_timers` for the running task at
every tick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import ERESTART_RESTARTBLOCK, ERESTARTNOHAND
from forkernel.abi.resource import RLIM_INFINITY, RLIMIT_CPU
from forkernel.abi.signal import SIGKILL, SIGXCPU
from forkernel.errors import SysError
from forkernel.kernel import signal
from forkernel.kernel.clock import NSEC_PER_SEC
from forkernel.kernel.cputime import thread_group_cputime
from forkernel.kernel.hrtimer import KTIME_MAX
from forkernel.kernel.posix_clock import CpuClock, ns_to_timespec
from forkernel.wait import Resume, Sleep, WaitQueue

if TYPE_CHECKING:
    from forkernel.kernel.task import Task


class CpuTimer:
    """Something to do once a CPU clock reaches `expires`. Subclasses define `fire`."""

    __slots__ = ("clock", "expires", "queued")

    def __init__(self, clock: CpuClock) -> None:
        self.clock = clock
        self.expires = KTIME_MAX
        self.queued = False

    def start(self, expires: int) -> None:
        """Arm, or move if armed."""
        self.expires = expires
        if not self.queued:
            self.queued = True
            self.clock.group.cpu_timers.append(self)

    def cancel(self) -> bool:
        """Disarm; returns whether it was armed."""
        was = self.queued
        if was:
            self.queued = False
            self.clock.group.cpu_timers.remove(self)
        return was

    def fire(self) -> None:
        """Called once the time has come; the timer is disarmed and may be started again."""
        raise NotImplementedError


def check_cpu_timers(task: Task) -> None:
    """Fire what is due by the CPU time of `task`'s process; to be called at ticks (Linux: run_posix_cpu_timers)."""
    group = task.signal
    if group.cpu_timers:
        for timer in list(group.cpu_timers):
            if timer.queued and timer.clock.sample() >= timer.expires:
                timer.cancel()
                timer.fire()
    soft, hard = group.rlim[RLIMIT_CPU]
    if soft != RLIM_INFINITY or hard != RLIM_INFINITY:
        check_rlimit_cpu(task, soft, hard)


def check_rlimit_cpu(task: Task, soft: int, hard: int) -> None:
    """SIGXCPU at the soft limit and once a second after it, SIGKILL at the hard one (setrlimit(2))."""
    used = sum(thread_group_cputime(task.signal))
    if hard != RLIM_INFINITY and used >= hard * NSEC_PER_SEC:
        signal.send_sig_info(SIGKILL, None, task)
    elif soft != RLIM_INFINITY and used >= soft * NSEC_PER_SEC:
        signal.send_sig_info(SIGXCPU, None, task)
        task.signal.rlim[RLIMIT_CPU] = (soft + 1, hard)


class _Waker(CpuTimer):
    """Ends a sleep."""

    __slots__ = ("wait",)

    def __init__(self, clock: CpuClock) -> None:
        super().__init__(clock)
        self.wait = WaitQueue()

    def fire(self) -> None:
        self.wait.wake_up()


class CpuSleep(Resume):
    """clock_nanosleep on a CPU clock, until it says `expires`. `rmtp`: where the rest goes, 0 for nowhere."""

    __slots__ = ("absolute", "expires", "rmtp", "timer")

    def __init__(self, clock: CpuClock, expires: int, rmtp: int, absolute: bool) -> None:
        self.timer = _Waker(clock)
        self.expires = expires
        self.rmtp = rmtp
        self.absolute = absolute

    def step(self, task: Task) -> int:
        """Sleep on until the time has come."""
        timer = self.timer
        if timer.clock.sample() >= self.expires:
            timer.cancel()
            return 0
        timer.start(self.expires)
        raise Sleep(timer.wait, resume=self)

    def interrupted(self, task: Task) -> int:
        """As `Nanosleep.interrupted`."""
        self.timer.cancel()
        if self.absolute:
            return -ERESTARTNOHAND
        rest = self.expires - self.timer.clock.sample()
        if rest <= 0:
            return 0
        if self.rmtp and task.mm is not None:
            try:
                task.mm.write(self.rmtp, ns_to_timespec(rest).pack())
            except SysError as error:
                return -error.errno
        task.restart_block = self
        return -ERESTART_RESTARTBLOCK
