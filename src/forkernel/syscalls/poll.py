"""poll, ppoll, select, pselect6 (Linux: fs/select.c).

Each call makes a `PollWait` and lets it step: it looks at all descriptors, answers if any is ready or the
time is over, and sleeps on all their queues otherwise. The deadline is kept, so waking up early costs
no time. The signal mask of ppoll and pselect6 is on from the first look until the call ends.
"""

from __future__ import annotations

import struct
from typing import Any

from forkernel.abi.errno import EBADF, EFAULT, EINTR, EINVAL, ERESTART_RESTARTBLOCK, ERESTARTNOHAND
from forkernel.abi.poll import SELECT_EX, SELECT_IN, SELECT_OUT
from forkernel.abi.types import I32, U32, U64
from forkernel.errors import SysError
from forkernel.fs.fdtable import RLIMIT_NOFILE
from forkernel.fs.poll import bits_of, do_pollfd, queues_of, vfs_poll
from forkernel.kernel.signal import restore_saved_sigmask, set_user_sigmask
from forkernel.kernel.task import Task
from forkernel.mm.uaccess import UserBuf
from forkernel.syscalls.registry import syscall
from forkernel.wait import Resume, Sleep, WaitQueue

NSEC_PER_SEC = 10**9
NSEC_PER_USEC = 1000
KTIME_MAX = (1 << 63) - 1
SIGSET_SIZE = 8
POLLFD = struct.Struct("<iHH")
"""struct pollfd: fd, events, revents."""
MIN_FDTABLE = 64
"""Descriptors that a table has room for at least; select ignores bits beyond the table."""


# --- time limits and masks


def deadline_after(task: Task, timeout: int) -> int:
    """CLOCK_MONOTONIC `timeout` nanoseconds from now; 0 (long ago) for no time at all."""
    return min(task.system.clock.monotonic() + timeout, KTIME_MAX) if timeout else 0


def read_time(mm: Any, addr: int, unit: int) -> int:
    """Nanoseconds of a struct timespec (`unit` 1) or timeval (1000); EINVAL, EFAULT."""
    data = mm.read(addr, 16)
    seconds = int.from_bytes(data[:8], "little", signed=True)
    fraction = int.from_bytes(data[8:], "little", signed=True)
    if unit != 1:
        whole, fraction = divmod(fraction, NSEC_PER_SEC // unit) if fraction >= 0 else (0, -1)
        seconds += whole
    if seconds < 0 or not 0 <= fraction * unit < NSEC_PER_SEC:
        raise SysError(EINVAL)
    return seconds * NSEC_PER_SEC + fraction * unit


def take_sigmask(task: Task, mask: UserBuf | None, size: int) -> None:
    """Put on the call's own signal mask, if it has one; EINVAL for a wrong size."""
    if mask is None:
        return
    if size != SIGSET_SIZE:
        raise SysError(EINVAL)
    set_user_sigmask(task, int.from_bytes(mask.read(SIGSET_SIZE), "little"))


class TimeLeft:
    """Where the time left is to be stored: ppoll, select and pselect6 do so (select(2), NOTES)."""

    __slots__ = ("addr", "deadline", "unit")

    def __init__(self, task: Task, where: UserBuf | None, unit: int) -> None:
        self.addr = 0 if where is None else where.addr
        self.unit = unit
        """Nanoseconds of the second field: 1 for a timespec, 1000 for a timeval."""
        self.deadline: int | None = None
        if where is not None:
            self.deadline = deadline_after(task, read_time(where.mm, where.addr, unit))

    def store(self, task: Task) -> bool:
        """Store it; False if that is not possible."""
        if not self.deadline:
            return True
        left = max(0, self.deadline - task.system.clock.monotonic())
        seconds, fraction = divmod(left, NSEC_PER_SEC)
        try:
            task.mm.write(  # type: ignore[union-attr]  # a task in a system call has memory
                self.addr, seconds.to_bytes(8, "little") + (fraction // self.unit).to_bytes(8, "little")
            )
        except SysError:
            return False
        return True


# --- the wait


class PollWait(Resume):
    """A poll or select in progress. Subclasses say what they look at and how they answer."""

    __slots__ = ("deadline", "left")

    def __init__(self, deadline: int | None, left: TimeLeft | None) -> None:
        self.deadline = deadline
        """CLOCK_MONOTONIC nanoseconds; 0: do not wait; None: no limit."""
        self.left = left
        """None for poll, which has no mask and stores no time."""

    def look(self, task: Task) -> int:
        """How many are ready now; notes which. SysError(EBADF)."""
        raise NotImplementedError

    def queues(self, task: Task) -> tuple[WaitQueue, ...]:
        """Where to sleep."""
        raise NotImplementedError

    def answer(self, task: Task) -> None:
        """Store what `look` found."""
        raise NotImplementedError

    def step(self, task: Task) -> int:
        """Look, and answer or sleep on."""
        try:
            count = self.look(task)
            if not count and (self.deadline is None or task.system.clock.monotonic() < self.deadline):
                raise Sleep(*self.queues(task), resume=self, deadline=self.deadline)
            self.answer(task)
        except SysError:
            self.finish(task)
            raise
        self.finish(task)
        return count

    def finish(self, task: Task) -> None:
        """The call ends: time left is stored, the old mask put back."""
        if self.left is not None:
            self.left.store(task)
            restore_saved_sigmask(task)

    def interrupted(self, task: Task) -> int:
        """A signal: run again if it has no handler, with what time is left."""
        if self.left is not None and not self.left.store(task):
            return -EINTR
        return -ERESTARTNOHAND


# --- poll


class PollFds(PollWait):
    """An array of struct pollfd."""

    __slots__ = ("addr", "fds", "revents")

    def __init__(self, fds: list[tuple[int, int]], addr: int, deadline: int | None, left: TimeLeft | None) -> None:
        super().__init__(deadline, left)
        self.fds = fds
        """(descriptor, events)."""
        self.addr = addr
        self.revents = [0] * len(fds)

    def look(self, task: Task) -> int:
        """Entries with something to tell."""
        self.revents = [do_pollfd(task, fd, events) for fd, events in self.fds]
        return len(self.revents) - self.revents.count(0)

    def queues(self, task: Task) -> tuple[WaitQueue, ...]:
        """Of all descriptors."""
        return queues_of(task, [fd for fd, _ in self.fds if fd >= 0])

    def answer(self, task: Task) -> None:
        """Store the whole array's revents."""
        if self.fds:
            packed = [POLLFD.pack(fd, events, got) for (fd, events), got in zip(self.fds, self.revents, strict=True)]
            task.mm.write(self.addr, b"".join(packed))  # type: ignore[union-attr]  # a task in a call has memory

    def interrupted(self, task: Task) -> int:
        """The call goes on through restart_syscall with its old deadline; ppoll as select."""
        try:
            self.answer(task)
        except SysError:
            return -EFAULT
        if self.left is not None:
            return super().interrupted(task)
        task.restart_block = self
        return -ERESTART_RESTARTBLOCK


def read_pollfds(task: Task, ufds: UserBuf, nfds: int) -> list[tuple[int, int]]:
    """The array; EINVAL for more than RLIMIT_NOFILE entries, EFAULT."""
    if nfds > task.signal.rlim[RLIMIT_NOFILE][0]:
        raise SysError(EINVAL)
    if not nfds:
        return []
    return [(fd, events) for fd, events, _ in POLLFD.iter_unpack(ufds.read(nfds * POLLFD.size))]


@syscall("poll")
def sys_poll(task: Task, ufds: UserBuf, nfds: U32, timeout_msecs: I32) -> int:
    """poll(2)."""
    fds = read_pollfds(task, ufds, nfds)
    deadline = None if timeout_msecs < 0 else deadline_after(task, timeout_msecs * 1_000_000)
    return PollFds(fds, ufds.addr, deadline, None).step(task)


@syscall("ppoll")
def sys_ppoll(
    task: Task, ufds: UserBuf, nfds: U32, tsp: UserBuf | None, sigmask: UserBuf | None, sigsetsize: U64
) -> int:
    """ppoll(2)."""
    left = TimeLeft(task, tsp, 1)
    fds = read_pollfds(task, ufds, nfds)
    take_sigmask(task, sigmask, sigsetsize)
    return PollFds(fds, ufds.addr, left.deadline, left).step(task)


# --- select


class SelectFds(PollWait):
    """select's three sets, as integers; `found` is what is ready of them."""

    __slots__ = ("addrs", "found", "sets", "size")

    def __init__(self, sets: list[int], addrs: list[int], size: int, left: TimeLeft) -> None:
        super().__init__(left.deadline, left)
        self.sets = sets
        self.addrs = addrs
        """Where the sets are; 0 for a NULL."""
        self.size = size
        """Bytes of each."""
        self.found = [0, 0, 0]

    def wanted(self) -> list[int]:
        """Descriptors in any set."""
        return bits_of(self.sets[0] | self.sets[1] | self.sets[2])

    def look(self, task: Task) -> int:
        """Bits set in all answers together."""
        self.found = found = [0, 0, 0]
        count = 0
        for fd in self.wanted():
            mask, bit = vfs_poll(task, fd), 1 << fd
            for index, events in enumerate((SELECT_IN, SELECT_OUT, SELECT_EX)):
                if mask & events and self.sets[index] & bit:
                    found[index] |= bit
                    count += 1
        return count

    def queues(self, task: Task) -> tuple[WaitQueue, ...]:
        """Of all descriptors."""
        return queues_of(task, self.wanted())

    def answer(self, task: Task) -> None:
        """Store the sets."""
        for addr, value in zip(self.addrs, self.found, strict=True):
            if addr and self.size:
                task.mm.write(addr, value.to_bytes(self.size, "little"))  # type: ignore[union-attr]  # in a call


def select(task: Task, n: int, addrs: list[int], left: TimeLeft) -> int:
    """The common part of select and pselect6 (Linux: core_sys_select); EINVAL, EBADF, EFAULT."""
    assert task.files is not None
    assert task.mm is not None
    if n < 0:
        raise SysError(EINVAL)
    room = MIN_FDTABLE
    while room <= max(task.files.fds, default=0):
        room *= 2
    n = min(n, room)
    size = (n + 63) // 64 * 8
    known = (1 << n) - 1
    sets = [int.from_bytes(task.mm.read(addr, size), "little") & known if addr and size else 0 for addr in addrs]
    if any(fd not in task.files.fds for fd in bits_of(sets[0] | sets[1] | sets[2])):
        raise SysError(EBADF)
    return SelectFds(sets, addrs, size, left).step(task)


@syscall("select")
def sys_select(
    task: Task, n: I32, inp: UserBuf | None, outp: UserBuf | None, exp: UserBuf | None, tvp: UserBuf | None
) -> int:
    """select(2)."""
    left = TimeLeft(task, tvp, NSEC_PER_USEC)
    return select(task, n, [0 if part is None else part.addr for part in (inp, outp, exp)], left)


@syscall("pselect6")
def sys_pselect6(
    task: Task,
    n: I32,
    inp: UserBuf | None,
    outp: UserBuf | None,
    exp: UserBuf | None,
    tsp: UserBuf | None,
    sig: UserBuf | None,
) -> int:
    """pselect(2): `sig` points at the mask's address and size."""
    mask: UserBuf | None = None
    size = 0
    if sig is not None:
        pack = sig.read(16)
        addr, size = int.from_bytes(pack[:8], "little"), int.from_bytes(pack[8:], "little")
        mask = UserBuf(sig.mm, addr) if addr else None
    left = TimeLeft(task, tsp, 1)
    take_sigmask(task, mask, size)
    try:
        return select(task, n, [0 if part is None else part.addr for part in (inp, outp, exp)], left)
    except SysError:
        restore_saved_sigmask(task)
        raise
