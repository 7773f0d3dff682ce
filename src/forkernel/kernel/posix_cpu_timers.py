"""Timers on CPU time: ITIMER_VIRTUAL, ITIMER_PROF, timer_create on CPU clocks, sleeping on them, RLIMIT_CPU.

CPU time passes only while a thread runs. So a process's armed timers wait in its own `CpuTimers`, and these
hold one place in the clock's queue while a thread of the process is on the CPU: for the time at which the first
of them comes due if that thread goes on running. `CpuTimers.switch_in` takes the place when the scheduler
picks a thread; when it comes up, what is due fires.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import ERESTART_RESTARTBLOCK, ERESTARTNOHAND
from forkernel.abi.resource import RLIM_INFINITY, RLIMIT_CPU, RLIMIT_RTTIME
from forkernel.abi.sched import SCHED_FIFO, SCHED_RR
from forkernel.abi.signal import SIGKILL, SIGXCPU
from forkernel.abi.time import COARSE_NSEC, CPUCLOCK_PROF
from forkernel.errors import SysError
from forkernel.kernel import signal
from forkernel.kernel.clock import NSEC_PER_SEC
from forkernel.kernel.cputime import task_cputime
from forkernel.kernel.hrtimer import KTIME_MAX, Timer
from forkernel.kernel.posix_clock import CpuClock, ns_to_timespec
from forkernel.wait import Resume, Sleep, WaitQueue

if TYPE_CHECKING:
    from forkernel.kernel.system import System
    from forkernel.kernel.task import SignalStruct, Task

TICK_NS = 4_000_000
NSEC_PER_USEC, USEC_PER_SEC = 1000, 1_000_000
RT_POLICIES = (SCHED_FIFO, SCHED_RR)
SHORTEST_WAIT = 1000
"""Nanoseconds between two looks at the CPU clocks, at least."""


class CpuTimers(Timer):
    """The armed CPU timers of a process (Linux: posix_cputimers); `signal.cpu_timers` once it has had one."""

    __slots__ = ("armed", "group", "system")

    def __init__(self, group: SignalStruct, system: System) -> None:
        super().__init__()
        self.group = group
        self.system = system
        self.armed: list[CpuTimer] = []
        """In the order they were armed."""

    def switch_in(self, task: Task) -> None:
        """`task`, a thread of the process, is on a CPU from now on. As many threads as run, so much faster its time
        passes.
        """
        wait = KTIME_MAX
        running = self.system.sched.threads_running(self.group)
        for timer in self.armed:
            if timer.clock.task is None:
                wait = min(wait, (timer.expires - timer.clock.sample()) // max(len(running), 1))
            elif timer.clock.task is task or timer.clock.task in running:
                wait = min(wait, timer.expires - timer.clock.sample())
        if wait == KTIME_MAX:
            self.system.timers.cancel(self)
        else:
            self.system.timers.start(self, self.system.clock.now + max(wait, SHORTEST_WAIT))

    def fire(self) -> None:
        """Fire what is due (Linux: run_posix_cpu_timers); wait on if the process still runs."""
        for timer in list(self.armed):
            if timer.queued and timer.clock.sample() >= timer.expires:
                timer.cancel()
                timer.fire()
        self.look()

    def drop(self) -> None:
        """The process ends: nothing is armed any more, and nothing fires."""
        self.system.timers.cancel(self)
        for timer in self.armed:
            timer.queued = False
        self.armed.clear()

    def look(self) -> None:
        """What is armed has changed: if the process runs now, wait for the right time."""
        if running := self.system.sched.threads_running(self.group):
            self.switch_in(running[0])


def cpu_timers_of(group: SignalStruct) -> CpuTimers:
    """The process's `CpuTimers`, made at first use."""
    if group.cpu_timers is None:
        group.cpu_timers = CpuTimers(group, next(iter(group.threads)).system)
    timers: CpuTimers = group.cpu_timers
    return timers


class CpuTimer:
    """Something to do once a CPU clock reaches `expires`. Subclasses define `fire`."""

    __slots__ = ("clock", "expires", "queued")

    def __init__(self, clock: CpuClock) -> None:
        self.clock = clock
        self.expires = KTIME_MAX
        self.queued = False

    def start(self, expires: int) -> None:
        """Arm, or move if armed. The clock of a thread or process that is gone arms nothing."""
        self.expires = expires
        if not self.clock.alive:
            return
        timers = cpu_timers_of(self.clock.group)
        if not self.queued:
            self.queued = True
            timers.armed.append(self)
        timers.look()

    def cancel(self) -> bool:
        """Disarm; returns whether it was armed."""
        was = self.queued
        if was:
            self.queued = False
            timers = cpu_timers_of(self.clock.group)
            timers.armed.remove(self)
            timers.look()
        return was

    def fire(self) -> None:
        """Called once the time has come; the timer is disarmed and may be started again."""
        raise NotImplementedError


# --- RLIMIT_CPU


class RlimitCpu(CpuTimer):
    """Watches the limit on CPU time: SIGXCPU at the soft one and each second after it, SIGKILL at the hard one."""

    __slots__ = ()

    def set(self) -> None:
        """Arm for the limits as they are now."""
        soft, hard = self.clock.group.rlim[RLIMIT_CPU]
        if min(soft, hard) == RLIM_INFINITY:
            self.cancel()
        else:
            self.start(max(min(soft, hard) * NSEC_PER_SEC, self.clock.sample() + COARSE_NSEC))

    def fire(self) -> None:
        """A limit is reached (setrlimit(2))."""
        group = self.clock.group
        soft, hard = group.rlim[RLIMIT_CPU]
        used = self.clock.sample()
        leader = next(iter(group.threads)).group_leader
        if hard != RLIM_INFINITY and used >= hard * NSEC_PER_SEC:
            signal.send_sig_info(SIGKILL, None, leader)
            return
        if used >= soft * NSEC_PER_SEC:
            signal.send_sig_info(SIGXCPU, None, leader)
            group.set_rlimit(RLIMIT_CPU, (soft + 1, hard))
        self.set()


class RlimitRttime(CpuTimer):
    """Watches how long a real-time thread goes on without a sleep, a tick of CPU time after the other: SIGXCPU at the
    soft limit and each second after it, SIGKILL at the hard one (Linux: watchdog in kernel/sched/rt.c).
    """

    __slots__ = ("awake",)

    def __init__(self, clock: CpuClock) -> None:
        super().__init__(clock)
        self.awake: dict[Task, tuple[int, int]] = {}
        """Of each thread seen running: its sleeps so far, and the CPU time at which the last of them was noticed."""

    def set(self) -> None:
        """Arm for the next tick, or disarm where there is no limit."""
        self.awake.clear()
        if self.clock.group.rlim[RLIMIT_RTTIME][0] == RLIM_INFINITY:
            self.cancel()
        else:
            self.start(self.clock.sample() + TICK_NS)

    def fire(self) -> None:
        """A tick has passed."""
        group = self.clock.group
        if group.rlim[RLIMIT_RTTIME][0] == RLIM_INFINITY:
            return
        for task in cpu_timers_of(group).system.sched.threads_running(group):
            self.watchdog(task)
        self.start(self.clock.sample() + TICK_NS)

    def watchdog(self, task: Task) -> None:
        """Compare the time since a thread's last sleep with the limits."""
        group, now = self.clock.group, sum(task_cputime(task))
        soft, hard = group.rlim[RLIMIT_RTTIME]
        sleeps, since = self.awake.get(task, (-1, now))
        if sleeps != task.nvcsw or task.se.policy not in RT_POLICIES:
            self.awake[task] = (task.nvcsw, now)
            return
        used = (now - since) // NSEC_PER_USEC
        if hard != RLIM_INFINITY and used >= hard:
            signal.send_sig_info(SIGKILL, None, task)
        elif used >= soft:
            group.set_rlimit(RLIMIT_RTTIME, (soft + USEC_PER_SEC, hard))
            signal.send_sig_info(SIGXCPU, None, task)


def update_rlimit_rttime(group: SignalStruct) -> None:
    """RLIMIT_RTTIME was set."""
    watch: RlimitRttime | None = None
    for timer in cpu_timers_of(group).armed:
        if isinstance(timer, RlimitRttime):
            watch = timer
    (watch or RlimitRttime(CpuClock(group, None, CPUCLOCK_PROF))).set()


def posix_cpu_timers_init_group(group: SignalStruct, system: System) -> None:
    """A new process starts with no timers, but under the limits on CPU time that it inherits (fork)."""
    if group.rlim[RLIMIT_CPU][0] != RLIM_INFINITY:
        watch = RlimitCpu(CpuClock(group, None, CPUCLOCK_PROF))
        arm_in_new(group, system, watch, group.rlim[RLIMIT_CPU][0] * NSEC_PER_SEC)
    if group.rlim[RLIMIT_RTTIME][0] != RLIM_INFINITY:
        arm_in_new(group, system, RlimitRttime(CpuClock(group, None, CPUCLOCK_PROF)), TICK_NS)


def arm_in_new(group: SignalStruct, system: System, timer: CpuTimer, expires: int) -> None:
    """Arm a timer of a process that has no thread yet, and has used no time."""
    if group.cpu_timers is None:
        group.cpu_timers = CpuTimers(group, system)
    timer.expires, timer.queued = max(expires, COARSE_NSEC), True
    group.cpu_timers.armed.append(timer)


def update_rlimit_cpu(group: SignalStruct) -> None:
    """RLIMIT_CPU was set."""
    watch: RlimitCpu | None = None
    for timer in cpu_timers_of(group).armed:
        if isinstance(timer, RlimitCpu):
            watch = timer
    (watch or RlimitCpu(CpuClock(group, None, CPUCLOCK_PROF))).set()


# --- sleeping


class _Waker(CpuTimer):
    """Ends a sleep."""

    __slots__ = ("wait",)

    def __init__(self, clock: CpuClock) -> None:
        super().__init__(clock)
        self.wait = WaitQueue()

    def fire(self) -> None:
        """Wake the sleeper."""
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
