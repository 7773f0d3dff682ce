"""epoll_create, epoll_ctl, epoll_wait and their kin (Linux: fs/eventpoll.c)."""

from __future__ import annotations

import struct

from forkernel.abi.errno import EFAULT, EINTR, EINVAL
from forkernel.abi.poll import EPOLL_CLOEXEC, EPOLL_CTL_DEL, EpollEvent
from forkernel.abi.types import I32, U64
from forkernel.errors import SysError
from forkernel.fs.eventpoll import EventPollFile, eventpoll_file
from forkernel.fs.fdtable import fd_install
from forkernel.kernel.signal import restore_saved_sigmask
from forkernel.kernel.task import Task
from forkernel.mm.uaccess import UserBuf, UserIn
from forkernel.syscalls.poll import deadline_after, read_time, take_sigmask
from forkernel.syscalls.registry import syscall
from forkernel.wait import Resume, Sleep

EPOLL_EVENT = struct.Struct("<IQ")
"""struct epoll_event as x86-64 has it, packed."""
EP_MAX_EVENTS = (1 << 31) // 12


@syscall("epoll_create")
def sys_epoll_create(task: Task, size: I32) -> int:
    """epoll_create(2); `size` only has to be positive."""
    if size <= 0:
        raise SysError(EINVAL)
    return do_epoll_create(task, 0)


@syscall("epoll_create1")
def sys_epoll_create1(task: Task, flags: I32) -> int:
    """epoll_create1(2)."""
    return do_epoll_create(task, flags)


def do_epoll_create(task: Task, flags: int) -> int:
    """A descriptor for a new set."""
    if flags & ~EPOLL_CLOEXEC:
        raise SysError(EINVAL)
    return fd_install(task, eventpoll_file(task), bool(flags))


@syscall("epoll_ctl")
def sys_epoll_ctl(task: Task, epfd: I32, op: I32, fd: I32, event: UserIn[EpollEvent] | None) -> int:
    """epoll_ctl(2)."""
    events = data = 0
    if op != EPOLL_CTL_DEL:
        if event is None:
            raise SysError(EFAULT)
        wanted = event.get()
        events, data = wanted.events, wanted.data_high << 32 | wanted.data_low
    assert task.files is not None
    ep, file = task.files.get(epfd), task.files.get(fd)
    if not isinstance(ep, EventPollFile):
        raise SysError(EINVAL)
    ep.control(task, op, fd, file, events, data)
    return 0


class EpollWait(Resume):
    """An epoll_wait in progress."""

    __slots__ = ("addr", "deadline", "ep", "maxevents")

    def __init__(self, ep: EventPollFile, addr: int, maxevents: int, deadline: int | None) -> None:
        self.ep = ep
        self.addr = addr
        self.maxevents = maxevents
        self.deadline = deadline
        """CLOCK_MONOTONIC nanoseconds; 0: do not wait; None: no limit."""

    def step(self, task: Task) -> int:
        """Give what is ready, or sleep."""
        found = self.ep.send_events(task, self.maxevents)
        if not found and (self.deadline is None or task.system.clock.monotonic() < self.deadline):
            raise Sleep(self.ep.wait, resume=self, deadline=self.deadline)
        try:
            if found:
                self._store(task, found)
        finally:
            restore_saved_sigmask(task)
        return len(found)

    def _store(self, task: Task, found: list[tuple[int, int]]) -> None:
        """Copy the events out; EFAULT."""
        packed = [EPOLL_EVENT.pack(events, data) for events, data in found]
        task.mm.write(self.addr, b"".join(packed))  # type: ignore[union-attr]  # a task in a call has memory

    def interrupted(self, task: Task) -> int:
        """EINTR, whatever the handler's flags (signal(7))."""
        return -EINTR


def do_epoll_wait(task: Task, epfd: int, events: UserBuf, maxevents: int, deadline: int | None) -> int:
    """The common part; EINVAL, EBADF."""
    if not 0 < maxevents <= EP_MAX_EVENTS:
        raise SysError(EINVAL)
    assert task.files is not None
    ep = task.files.get(epfd)
    if not isinstance(ep, EventPollFile):
        raise SysError(EINVAL)
    return EpollWait(ep, events.addr, maxevents, deadline).step(task)


def deadline_of_ms(task: Task, timeout: int) -> int | None:
    """The deadline of a time limit in milliseconds; negative: none."""
    return None if timeout < 0 else deadline_after(task, timeout * 1_000_000)


@syscall("epoll_wait")
def sys_epoll_wait(task: Task, epfd: I32, events: UserBuf, maxevents: I32, timeout: I32) -> int:
    """epoll_wait(2)."""
    return do_epoll_wait(task, epfd, events, maxevents, deadline_of_ms(task, timeout))


@syscall("epoll_pwait")
def sys_epoll_pwait(
    task: Task,
    epfd: I32,
    events: UserBuf,
    maxevents: I32,
    timeout: I32,
    sigmask: UserBuf | None,
    sigsetsize: U64,
) -> int:
    """epoll_pwait(2)."""
    return wait_masked(task, epfd, events, maxevents, deadline_of_ms(task, timeout), sigmask, sigsetsize)


@syscall("epoll_pwait2")
def sys_epoll_pwait2(
    task: Task,
    epfd: I32,
    events: UserBuf,
    maxevents: I32,
    timeout: UserBuf | None,
    sigmask: UserBuf | None,
    sigsetsize: U64,
) -> int:
    """epoll_pwait2(2)."""
    deadline = None if timeout is None else deadline_after(task, read_time(timeout.mm, timeout.addr, 1))
    return wait_masked(task, epfd, events, maxevents, deadline, sigmask, sigsetsize)


def wait_masked(
    task: Task,
    epfd: int,
    events: UserBuf,
    maxevents: int,
    deadline: int | None,
    sigmask: UserBuf | None,
    sigsetsize: int,
) -> int:
    """epoll_wait under a signal mask of its own."""
    take_sigmask(task, sigmask, sigsetsize)
    try:
        return do_epoll_wait(task, epfd, events, maxevents, deadline)
    except SysError:
        restore_saved_sigmask(task)
        raise
