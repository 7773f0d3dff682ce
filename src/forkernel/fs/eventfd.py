"""eventfd: a counter to wait on (Linux: fs/eventfd.c, eventfd(2)).

A read takes the counter (or one, with EFD_SEMAPHORE) and sleeps while it is zero; a write adds and sleeps
while the sum would reach 2**64 - 1.
"""

from __future__ import annotations

from typing import Any

from forkernel.abi.errno import EAGAIN, EINVAL
from forkernel.abi.fcntl import O_CLOEXEC, O_NONBLOCK, O_RDWR
from forkernel.abi.poll import EPOLLERR, EPOLLIN, EPOLLOUT
from forkernel.errors import SysError
from forkernel.fs.anon import anon_inode
from forkernel.fs.file import File
from forkernel.fs.inode import Inode
from forkernel.wait import KeyedQueue, Sleep, WaitQueue

EFD_SEMAPHORE = 1
EFD_CLOEXEC = O_CLOEXEC
EFD_NONBLOCK = O_NONBLOCK
ULLONG_MAX = (1 << 64) - 1


class EventFile(File):
    """An open eventfd (Linux: eventfd_ctx)."""

    object_kind, object_size = "eventfd_ctx", 64

    __slots__ = ("count", "rd_wait", "semaphore", "wr_wait")

    nowait = True

    def __init__(self, inode: Inode, flags: int, path: Any, count: int, semaphore: bool) -> None:
        super().__init__(inode, flags, path)
        self.count = count
        self.semaphore = semaphore
        self.rd_wait = KeyedQueue(EPOLLIN)
        self.wr_wait = KeyedQueue(EPOLLOUT)

    def seek(self, offset: int, whence: int) -> int:
        """Always 0 (Linux: noop_llseek)."""
        return 0

    def read(self, task: Any, count: int) -> bytes:
        """Eight bytes: the counter, which becomes zero, or 1 of it for a semaphore."""
        if count < 8:
            raise SysError(EINVAL)
        if not self.count:
            if self.flags & O_NONBLOCK:
                raise SysError(EAGAIN)
            raise Sleep(self.rd_wait)
        taken = 1 if self.semaphore else self.count
        self.count -= taken
        self.wr_wait.wake_up()
        return taken.to_bytes(8, "little")

    def write(self, task: Any, data: bytes) -> int:
        """Add the number in the eight bytes; 2**64 - 1 is EINVAL."""
        if len(data) != 8:
            raise SysError(EINVAL)
        added = int.from_bytes(data[:8], "little")
        if added == ULLONG_MAX:
            raise SysError(EINVAL)
        if self.count + added >= ULLONG_MAX:
            if self.flags & O_NONBLOCK:
                raise SysError(EAGAIN)
            raise Sleep(self.wr_wait)
        self.count += added
        self.rd_wait.wake_up()
        return 8

    def signal(self) -> None:
        """The kernel adds one; the counter may reach 2**64 - 1 that way, and stays there (Linux: eventfd_signal)."""
        self.count = min(self.count + 1, ULLONG_MAX)
        self.rd_wait.wake_up()

    def poll(self, task: Any) -> int:
        """Readable above zero, writable while one can be added; an error once the kernel has added too much."""
        mask = EPOLLIN if self.count else 0
        if self.count == ULLONG_MAX:
            mask |= EPOLLERR
        return mask | EPOLLOUT if self.count < ULLONG_MAX - 1 else mask

    def poll_queues(self) -> tuple[WaitQueue, ...]:
        """Readers' and writers' queues."""
        return (self.rd_wait, self.wr_wait)

    def sleeps_in(self, call: str, *, writing: bool) -> tuple[str, ...]:
        """Where a read or write waits."""
        return ("do_wait_intr_irq", "eventfd_write" if writing else "eventfd_read")

    def fdinfo(self) -> bytes:
        """/proc/PID/fdinfo."""
        return b"eventfd-count: %16x\neventfd-id: 0\neventfd-semaphore: %d\n" % (self.count, self.semaphore)

    def unread(self, data: bytes) -> None:
        """Nothing is given back: on Linux too the counter is read before the copy."""


def eventfd_file(task: Any, count: int, flags: int) -> EventFile:
    """A new counter; `flags`: EFD_NONBLOCK, EFD_SEMAPHORE."""
    inode, path = anon_inode(task.system.vfs, b"eventfd")
    return EventFile(inode, O_RDWR | flags & O_NONBLOCK, path, count, bool(flags & EFD_SEMAPHORE))
