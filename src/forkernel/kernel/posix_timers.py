"""POSIX timers: timer_create and its family, and sleeping on a clock (nanosleep, clock_nanosleep).

Life cycle of a timer: `timer_create` puts a `PosixTimer` into the process's table; `settime` arms its alarm, on
a system clock (`HrAlarm`) or on CPU time (`CpuAlarm`). When that goes off (`expired`) the signal is sent, and a
periodic timer rests until the signal is taken: then `signal_taken` counts the periods that went by (the overrun)
and starts the next one. `delete` ends it; so do execve (`exit_itimers`) and the end of the process
(`exit_group_timers`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from forkernel.abi.errno import EAGAIN, EINVAL, EOPNOTSUPP, ERESTART_RESTARTBLOCK, ERESTARTNOHAND, ESRCH
from forkernel.abi.resource import RLIMIT_SIGPENDING
from forkernel.abi.signal import NSIG, SI_TIMER, SIGALRM, SIGRTMIN, SigInfo
from forkernel.abi.time import (
    COARSE_NSEC,
    SIGEV_NONE,
    SIGEV_SIGNAL,
    SIGEV_THREAD,
    SIGEV_THREAD_ID,
    Sigevent,
)
from forkernel.errors import SysError
from forkernel.kernel import signal
from forkernel.kernel.hrtimer import KTIME_MAX, Timer
from forkernel.kernel.itimer import exit_real_timer, group_leader
from forkernel.kernel.pid import find_task_by_vpid
from forkernel.kernel.posix_clock import (
    ALARM_CLOCKS,
    READ_ONLY_CLOCKS,
    REALTIME_CLOCKS,
    TIMER_CLOCKS,
    CpuClock,
    cpu_clock,
    is_cpu_clock,
    ns_to_timespec,
)
from forkernel.kernel.posix_cpu_timers import CpuTimer
from forkernel.kernel.sigqueue import flush_itimer_signals
from forkernel.wait import Resume, Sleep

if TYPE_CHECKING:
    from forkernel.kernel.system import System
    from forkernel.kernel.task import SignalStruct, Task
    from forkernel.wait import WaitQueue

INT_MAX = (1 << 31) - 1


# --- sleeping


class Nanosleep(Resume):
    """A sleep until `deadline`, in nanoseconds of CLOCK_MONOTONIC or, if `realtime`, of CLOCK_REALTIME.

    `rmtp` is where the time left over is written when a signal comes (0: nowhere). An absolute sleep starts
    over after a signal without a handler; a relative one goes on through restart_syscall.
    """

    __slots__ = ("absolute", "deadline", "realtime", "rmtp")

    def __init__(self, deadline: int, rmtp: int = 0, *, absolute: bool = False, realtime: bool = False) -> None:
        self.deadline = deadline
        self.rmtp = rmtp
        self.absolute = absolute
        self.realtime = realtime

    def step(self, task: Task) -> int:
        """Sleep on unless it is time."""
        clock = task.system.clock
        if self.realtime:
            deadline = self.deadline - clock.realtime_offset
            if clock.monotonic() < deadline:
                raise Sleep(clock.was_set, resume=self, deadline=deadline)
        elif clock.monotonic() < self.deadline:
            raise Sleep(resume=self, deadline=self.deadline)
        return 0

    def interrupted(self, task: Task) -> int:
        """Say how much time was left, and get ready to go on."""
        if self.absolute:
            return -ERESTARTNOHAND
        rest = self.deadline - task.system.clock.monotonic()
        if rest <= 0:
            return 0
        if self.rmtp and task.mm is not None:
            try:
                task.mm.write(self.rmtp, ns_to_timespec(rest).pack())
            except SysError as error:
                return -error.errno
        task.restart_block = self
        return -ERESTART_RESTARTBLOCK


# --- what a timer hangs on


class AlarmOwner(Protocol):
    """What an alarm wakes."""

    def expired(self) -> None:
        """The alarm went off."""


class HrAlarm(Timer):
    """The clock side of a POSIX timer on a system clock, or of a timerfd.

    Absolute times of CLOCK_REALTIME follow its settings.
    """

    __slots__ = ("follows", "owner", "system", "wall")

    alive = True
    """The system's clocks are always there."""

    def __init__(self, owner: AlarmOwner, system: System, realtime: bool) -> None:
        super().__init__()
        self.owner = owner
        self.system = system
        self.follows = realtime
        """Whether absolute times are of CLOCK_REALTIME."""
        self.wall: int | None = None
        """The CLOCK_REALTIME time it is armed for, None for one of CLOCK_MONOTONIC."""

    def now(self) -> int:
        """CLOCK_MONOTONIC."""
        return self.system.clock.monotonic()

    def absolute(self, when: int) -> int:
        """Prepare for absolute time `when` of the timer's clock; returns it on CLOCK_MONOTONIC."""
        self.wall = when if self.follows else None
        return when - self.system.clock.realtime_offset if self.follows else when

    def start(self, expires: int) -> None:
        """Arm for CLOCK_MONOTONIC time `expires`."""
        self.system.timers.start(self, expires)
        if self.wall is not None:
            self.wall = expires + self.system.clock.realtime_offset
            self.system.clock.was_set.waiters[self] = None

    def cancel(self) -> None:
        """Disarm."""
        self.system.timers.cancel(self)
        self.system.clock.was_set.waiters.pop(self, None)

    def wake_from(self, queue: WaitQueue) -> None:
        """CLOCK_REALTIME was set: the same time on it is now another on CLOCK_MONOTONIC."""
        if self.queued and self.wall is not None:
            self.system.timers.start(self, self.wall - self.system.clock.realtime_offset)

    def fire(self) -> None:
        """The clock has got there."""
        self.system.clock.was_set.waiters.pop(self, None)
        self.owner.expired()


class CpuAlarm(CpuTimer):
    """The same on CPU time."""

    __slots__ = ("owner",)

    def __init__(self, owner: PosixTimer, clock: CpuClock) -> None:
        super().__init__(clock)
        self.owner = owner

    @property
    def alive(self) -> bool:
        """Whether there is still somebody to use CPU time."""
        return self.clock.alive

    def now(self) -> int:
        """The CPU clock."""
        return self.clock.sample()

    def absolute(self, when: int) -> int:
        """CPU clocks are never set."""
        return when

    def fire(self) -> None:
        """The CPU time is used up."""
        self.owner.expired()


def forward(alarm: HrAlarm | CpuAlarm, period: int) -> int:
    """Move `alarm.expires` by whole periods to the first one after now; returns how many."""
    behind = alarm.now() - alarm.expires
    if behind < 0:
        return 0
    periods = behind // period + 1
    alarm.expires += periods * period
    return periods


class TimerSignal:
    """A timer's signal in a queue. `timer` is None once the timer was set anew or deleted."""

    __slots__ = ("timer",)

    def __init__(self, timer: PosixTimer) -> None:
        self.timer: PosixTimer | None = timer

    def rearm(self, info: SigInfo) -> bool:
        """The signal was taken; False if the timer no longer stands behind it."""
        if self.timer is None:
            return False
        self.timer.signal_taken(info)
        return True


class PosixTimer:
    """One timer of timer_create (Linux: k_itimer). `target` is the thread of SIGEV_THREAD_ID, else None."""

    __slots__ = (
        "alarm", "clock_id", "group", "interval", "notify", "number", "overrun", "overrun_last", "sent", "signo",
        "target", "value",
    )  # fmt: skip

    def __init__(self, task: Task, number: int, clock_id: int, event: Sigevent) -> None:
        self.group: SignalStruct = task.signal
        self.number = number
        self.notify = event.sigev_notify
        self.signo = event.sigev_signo
        self.value = event.sigev_value
        self.target: Task | None = None
        if event.sigev_notify == SIGEV_THREAD_ID:
            self.target = find_task_by_vpid(task, event.sigev_notify_thread_id)
        self.interval = 0
        self.overrun = 0
        """Periods that went by unsignalled since the last signal was taken."""
        self.sent: TimerSignal | None = None
        """The signal last sent, if it was not taken yet."""
        self.overrun_last = 0
        """The same, as of the last signal: what timer_getoverrun says."""
        self.alarm: HrAlarm | CpuAlarm
        self.clock_id = clock_id
        if is_cpu_clock(clock_id):
            self.alarm = CpuAlarm(self, cpu_clock(task, clock_id))
        else:
            self.alarm = HrAlarm(self, task.system, clock_id in REALTIME_CLOCKS)

    # --- expiry

    def expired(self) -> None:
        """The alarm went off: signal, or if nobody listens just go on to the next period."""
        if self.send():
            return
        if self.interval:
            self.overrun += forward(self.alarm, max(self.interval, COARSE_NSEC))
            self.alarm.start(self.alarm.expires)

    def send(self) -> bool:
        """Send the signal; whether it will be taken one day, which is when `signal_taken` comes."""
        target = self.target or group_leader(self.group)
        if self.target is not None and (target.exit_state or target.signal is not self.group):
            return False
        pending = target.pending if self.target is not None else self.group.shared_pending
        if self.signo < SIGRTMIN and pending.bits >> self.signo - 1 & 1:
            return False
        self.sent = TimerSignal(self)
        info = SigInfo(self.signo, SI_TIMER, tid=self.number, value=self.value, timer=self.sent)
        try:
            return signal.send_signal(self.signo, info, target, group=self.target is None)
        except SysError:
            return False

    def signal_taken(self, info: SigInfo) -> None:
        """Tell the signal's overrun and start the next period (Linux: posixtimer_rearm)."""
        self.sent = None
        if not self.interval or self.alarm.queued:
            return
        missed = self.overrun + max(0, forward(self.alarm, self.interval) - 1)
        self.overrun = 0
        self.overrun_last = info.overrun = min(missed, INT_MAX)
        self.alarm.start(self.alarm.expires)

    # --- the calls

    def gettime(self) -> tuple[int, int]:
        """(time left, interval); zeros when disarmed, never 0 left while armed."""
        alarm = self.alarm
        if alarm.expires == KTIME_MAX or not alarm.alive:
            return 0, self.interval
        if self.interval and not alarm.queued:
            self.overrun += forward(self.alarm, self.interval)
        rest = alarm.expires - alarm.now()
        if rest <= 0:
            return (1, self.interval) if alarm.queued else (0, self.interval)
        return rest, self.interval

    def settime(self, value: int, interval: int, absolute: bool) -> tuple[int, int]:
        """Arm for `value` (a time of the clock if `absolute`, else from now; 0 disarms); returns `gettime` of before.

        A signal of the old setting that is still pending will be dropped. ESRCH if whose CPU time it counts is gone.
        """
        if not self.alarm.alive:
            raise SysError(ESRCH)
        old = self.gettime()
        self.disarm()
        if value:
            self.interval = interval
            alarm = self.alarm
            if absolute:
                alarm.expires = min(alarm.absolute(value), KTIME_MAX - 1)
            else:
                alarm.expires = min(alarm.now() + value, KTIME_MAX - 1)
                if isinstance(alarm, HrAlarm):
                    alarm.wall = None
            if self.notify != SIGEV_NONE:
                alarm.start(alarm.expires)
        return old

    def disarm(self) -> None:
        """Stop; a signal that is still pending will be dropped when it is taken."""
        if self.sent is not None:
            self.sent.timer = None
        self.alarm.cancel()
        self.alarm.expires = KTIME_MAX
        self.interval = self.overrun = self.overrun_last = 0


# --- the table of a process


def timer_create(task: Task, clock_id: int, event: Sigevent | None) -> PosixTimer:
    """A new timer in the process's table. EINVAL, EOPNOTSUPP, EAGAIN when there are too many.

    A bad event or CPU clock uses up an ID, as on Linux.
    """
    group = task.signal
    if clock_id in READ_ONLY_CLOCKS or clock_id in ALARM_CLOCKS:
        raise SysError(EOPNOTSUPP)
    if clock_id not in TIMER_CLOCKS and not is_cpu_clock(clock_id):
        raise SysError(EINVAL)
    if len(group.posix_timers) >= group.rlim[RLIMIT_SIGPENDING][0]:
        raise SysError(EAGAIN)
    number = group.next_posix_timer_id
    group.next_posix_timer_id = number + 1 & INT_MAX
    if event is None:
        event = Sigevent(number, SIGALRM, SIGEV_SIGNAL)
    good_sigevent(task, event)
    timer = group.posix_timers[number] = PosixTimer(task, number, clock_id, event)
    return timer


def good_sigevent(task: Task, event: Sigevent) -> None:
    """EINVAL for an event that makes no sense (Linux: good_sigevent)."""
    if event.sigev_notify == SIGEV_NONE:
        return
    if event.sigev_notify == SIGEV_THREAD_ID:
        target = find_task_by_vpid(task, event.sigev_notify_thread_id)
        if target is None or target.signal is not task.signal:
            raise SysError(EINVAL)
    elif event.sigev_notify not in (SIGEV_SIGNAL, SIGEV_THREAD):
        raise SysError(EINVAL)
    if not 1 <= event.sigev_signo <= NSIG:
        raise SysError(EINVAL)


def find_timer(task: Task, number: int) -> PosixTimer:
    """The process's timer of this ID; EINVAL."""
    timer: PosixTimer | None = task.signal.posix_timers.get(number)
    if timer is None:
        raise SysError(EINVAL)
    return timer


def timer_delete(task: Task, number: int) -> None:
    """Disarm and forget a timer; EINVAL."""
    find_timer(task, number).disarm()
    del task.signal.posix_timers[number]


def exit_itimers(task: Task) -> None:
    """Delete all POSIX timers of the process (execve)."""
    for timer in task.signal.posix_timers.values():
        timer.disarm()
    task.signal.posix_timers.clear()
    flush_itimer_signals(task)


def exit_group_timers(task: Task) -> None:
    """The last thread ends: no timer of the process fires any more."""
    group = task.signal
    exit_itimers(task)
    exit_real_timer(group)
    if group.cpu_timers is not None:
        group.cpu_timers.drop()
