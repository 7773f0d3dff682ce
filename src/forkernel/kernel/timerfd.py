"""timerfd: a timer that is read from (Linux: fs/timerfd.c, timerfd_create(2)).

The first expiry sets `ticks` to 1 and wakes the readers; further periods are not timed one by one but counted
when somebody looks (`read`, `gettime`), which also starts the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.capability import CAP_WAKE_ALARM
from forkernel.abi.errno import EAGAIN, ECANCELED, EINVAL, ENOTTY, EPERM
from forkernel.abi.fcntl import O_CLOEXEC, O_NONBLOCK, O_RDWR
from forkernel.abi.poll import EPOLLIN
from forkernel.abi.time import (
    CLOCK_BOOTTIME,
    CLOCK_BOOTTIME_ALARM,
    CLOCK_MONOTONIC,
    CLOCK_REALTIME,
    CLOCK_REALTIME_ALARM,
)
from forkernel.errors import SysError
from forkernel.fs.anon import anon_inode
from forkernel.fs.file import File
from forkernel.kernel.clock import NSEC_PER_SEC
from forkernel.kernel.cred import capable
from forkernel.kernel.hrtimer import KTIME_MAX
from forkernel.kernel.posix_clock import ALARM_CLOCKS
from forkernel.kernel.posix_timers import HrAlarm, forward
from forkernel.wait import Sleep, WaitQueue

if TYPE_CHECKING:
    from forkernel.fs.dentry import Path
    from forkernel.fs.inode import Inode
    from forkernel.kernel.task import Task

TFD_CLOEXEC = O_CLOEXEC
TFD_NONBLOCK = O_NONBLOCK
TFD_TIMER_ABSTIME = 1
TFD_TIMER_CANCEL_ON_SET = 2
TFD_IOC_SET_TICKS = 0x40085400
REALTIME = (CLOCK_REALTIME, CLOCK_REALTIME_ALARM)
CLOCKS = (CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM)


class TimerFile(File):
    """An open timerfd (Linux: timerfd_ctx)."""

    object_kind, object_size = "timerfd_ctx", 256

    __slots__ = ("alarm", "canceled", "clock_id", "due", "interval", "settime_flags", "ticks", "wait")

    def __init__(self, task: Task, inode: Inode, flags: int, path: Path, clock_id: int) -> None:
        super().__init__(inode, flags, path)
        self.clock_id = clock_id
        self.alarm = HrAlarm(self, task.system, clock_id in REALTIME)
        self.interval = 0
        self.ticks = 0
        """Expirations not yet read."""
        self.due = False
        """The alarm went off and, if it is periodic, has not been started again."""
        self.canceled = False
        """CLOCK_REALTIME was set under a timer with TFD_TIMER_CANCEL_ON_SET."""
        self.settime_flags = 0
        self.wait = WaitQueue()

    # --- the timer

    def expired(self) -> None:
        """The alarm went off (HrAlarm's owner)."""
        self.due = True
        self.ticks += 1
        self.wait.wake_up()

    def wake_from(self, queue: WaitQueue) -> None:
        """CLOCK_REALTIME was set: who reads learns of it (the Waiter protocol)."""
        self.canceled = True
        self.ticks += 1
        self.wait.wake_up()

    def catch_up(self) -> None:
        """Count the periods since the alarm went off and start the next one."""
        if self.due and self.interval:
            self.ticks += forward(self.alarm, self.interval) - 1
            self.alarm.start(self.alarm.expires)
            self.due = False

    def gettime(self) -> tuple[int, int]:
        """(time left, interval) in nanoseconds."""
        self.catch_up()
        left = self.alarm.expires - self.alarm.now() if self.alarm.queued else 0
        return max(left, 0), self.interval

    def settime(self, value: int, interval: int, flags: int) -> tuple[int, int]:
        """Arm (0 disarms); returns what `gettime` said before.

        ECANCELED, though armed, if the clock was set under a timer that asked to be told.
        """
        canceled = self.take_canceled()
        old = self.gettime()
        alarm = self.alarm
        self.disarm()
        self.settime_flags = flags
        self.interval = interval
        self.ticks, self.due = 0, False
        if flags & TFD_TIMER_ABSTIME and flags & TFD_TIMER_CANCEL_ON_SET and alarm.follows:
            alarm.system.clock.was_set.waiters[self] = None
        if value:
            alarm.wall = None
            expires = alarm.absolute(value) if flags & TFD_TIMER_ABSTIME else alarm.now() + value
            alarm.start(min(expires, KTIME_MAX - 1))
        if canceled and flags & TFD_TIMER_CANCEL_ON_SET:
            raise SysError(ECANCELED)
        return old

    def take_canceled(self) -> bool:
        """Whether the clock was set since somebody last asked."""
        canceled, self.canceled = self.canceled, False
        return canceled

    def disarm(self) -> None:
        """No alarm any more."""
        self.alarm.cancel()
        self.alarm.system.clock.was_set.waiters.pop(self, None)

    # --- the file

    def read(self, task: Any, count: int) -> bytes:
        """Eight bytes: how often the timer expired since the last read."""
        if count < 8:
            raise SysError(EINVAL)
        if not self.ticks:
            if self.flags & O_NONBLOCK:
                raise SysError(EAGAIN)
            raise Sleep(self.wait)
        if self.take_canceled():
            self.ticks, self.due = 0, False
            raise SysError(ECANCELED)
        self.catch_up()
        ticks, self.ticks, self.due = self.ticks, 0, False
        return ticks.to_bytes(8, "little")

    def unread(self, data: bytes) -> None:
        """Nothing is given back: on Linux too the ticks are taken before the copy."""

    def seek(self, offset: int, whence: int) -> int:
        """Always 0 (Linux: noop_llseek)."""
        return 0

    def poll(self, task: Any) -> int:
        """Readable once it has expired."""
        return EPOLLIN if self.ticks else 0

    def poll_queues(self) -> tuple[WaitQueue, ...]:
        """Who waits for an expiry."""
        return (self.wait,)

    def ioctl(self, task: Any, cmd: int, arg: int) -> int:
        """TFD_IOC_SET_TICKS: what a read is to give; EINVAL for 0, ECANCELED."""
        if cmd != TFD_IOC_SET_TICKS:
            raise SysError(ENOTTY)
        ticks = int.from_bytes(task.mm.read(arg, 8), "little")
        if not ticks:
            raise SysError(EINVAL)
        if self.take_canceled():
            raise SysError(ECANCELED)
        self.ticks = ticks
        self.wait.wake_up()
        return 0

    def release(self) -> None:
        """The last descriptor is closed."""
        self.disarm()

    def sleeps_in(self, call: str, *, writing: bool) -> tuple[str, ...]:
        """Where a read waits."""
        return ("do_wait_intr_irq", "timerfd_read_iter")

    def fdinfo(self) -> bytes:
        """/proc/PID/fdinfo."""
        value = max(self.alarm.expires - self.alarm.now(), 0) if self.alarm.queued else 0
        interval = self.interval
        return b"clockid: %d\nticks: %d\nsettime flags: 0%o\nit_value: (%d, %d)\nit_interval: (%d, %d)\n" % (
            self.clock_id,
            self.ticks,
            self.settime_flags,
            *divmod(value, NSEC_PER_SEC),
            *divmod(interval, NSEC_PER_SEC),
        )


def timerfd_create(task: Task, clock_id: int, flags: int) -> TimerFile:
    """A new timer, disarmed. EINVAL, EPERM for an alarm clock without CAP_WAKE_ALARM."""
    if flags & ~(TFD_CLOEXEC | TFD_NONBLOCK) or clock_id not in CLOCKS:
        raise SysError(EINVAL)
    if clock_id in ALARM_CLOCKS and not capable(task, CAP_WAKE_ALARM):
        raise SysError(EPERM)
    inode, path = anon_inode(task.system.vfs, b"timerfd")
    return TimerFile(task, inode, O_RDWR | flags & O_NONBLOCK, path, clock_id)


def timerfd_file(task: Task, fd: int) -> TimerFile:
    """The timer behind a descriptor; EBADF, EINVAL for another kind of file."""
    assert task.files is not None
    file = task.files.get(fd)
    if not isinstance(file, TimerFile):
        raise SysError(EINVAL)
    return file
