"""A read with a time limit: a terminal's VTIME (termios(3)), a socket's SO_RCVTIMEO (socket(7))."""

from __future__ import annotations

from typing import Any

from forkernel.errors import SysError
from forkernel.fs.file import File
from forkernel.wait import Resume, Sleep, WaitQueue


class TimedRead(Resume):
    """Reads again after each wake-up until `deadline` (CLOCK_MONOTONIC ns), then 0 or `errno`.

    The call that reads sets where to: `addr` and `count`.
    """

    __slots__ = ("addr", "count", "deadline", "errno", "file")

    def __init__(self, file: File, deadline: int, errno: int) -> None:
        self.file = file
        self.addr = 0
        self.count = 0
        self.deadline = deadline
        self.errno = errno

    def step(self, task: Any) -> int:
        """What came, or the answer to nothing having come in time."""
        try:
            data = self.file.read(task, self.count)
        except Sleep as sleep:
            if task.system.clock.monotonic() < self.deadline:
                raise Sleep(*sleep.queues, resume=self, deadline=self.deadline) from None
            if self.errno:
                raise SysError(self.errno) from None
            return 0
        task.mm.write(self.addr, data)
        return len(data)


def timed_sleep(task: Any, file: File, queue: WaitQueue, timeout: int, errno: int) -> Sleep:
    """The sleep of a read that waits `timeout` nanoseconds at most."""
    deadline = task.system.clock.monotonic() + timeout
    return Sleep(queue, resume=TimedRead(file, deadline, errno), deadline=deadline)
