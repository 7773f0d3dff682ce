"""Futexes: waiting for a word of user memory to change, and waking those who wait (futex(2)).

Life cycle of a wait: `futex_wait` finds the word's key, compares the word with the expected value and puts a
`FutexQ` on the key's list in the `FutexTable`; the task sleeps on the FutexQ's own queue. A waker takes the
FutexQ off the list (`key` becomes None) and wakes that queue; a requeue moves it to another key's list and
wakes nobody. The FutexQ is the sleep's resume object too: when the task runs again it sees whether it was
woken, timed out, or has to sleep on.

A private key is an address in one address space; a shared one names the page behind it, so that processes
which map it at different addresses meet (`mm.futex_key`).

Entry points: `futex_wait`, `futex_wait_multiple`, `futex_wake`, `futex_requeue`, `futex_wake_op`, and for exit
`futex_wake_addr`.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from forkernel.abi.errno import (
    EAGAIN,
    EFAULT,
    EINVAL,
    ENOSYS,
    ERESTART_RESTARTBLOCK,
    ERESTARTSYS,
    ETIMEDOUT,
)
from forkernel.abi.futex import (
    FUTEX_BITSET_MATCH_ANY,
    FUTEX_OP_ADD,
    FUTEX_OP_ANDN,
    FUTEX_OP_ARG_SHIFT,
    FUTEX_OP_CMP_EQ,
    FUTEX_OP_CMP_GE,
    FUTEX_OP_CMP_GT,
    FUTEX_OP_CMP_LE,
    FUTEX_OP_CMP_LT,
    FUTEX_OP_CMP_NE,
    FUTEX_OP_OR,
    FUTEX_OP_SET,
    FUTEX_OP_XOR,
)
from forkernel.arch.x86_64.pgtable import TASK_SIZE
from forkernel.errors import SysError
from forkernel.kernel.rtmutex import PiTasks
from forkernel.mm.vma import VM_READ, VM_WRITE
from forkernel.wait import Resume, Sleep, WaitQueue

if TYPE_CHECKING:
    from forkernel.kernel.task import Task
    from forkernel.mm.mm_struct import MmStruct

U32_MAX = 0xFFFFFFFF
SHARED = "shared"
"""Marks the shared keys."""


class FutexTable:
    """All futex waiters of a system (Linux: the futex hash table), by key, in the order they are to be woken."""

    __slots__ = ("pi", "waiters")

    def __init__(self) -> None:
        self.pi = PiTasks()
        self.waiters: dict[Hashable, list[FutexQ]] = {}

    def queue(self, q: FutexQ, key: Hashable) -> None:
        """Add `q` to the list of `key`: real-time tasks by priority, the others after them as they come."""
        q.key = key
        line = self.waiters.setdefault(key, [])
        at = len(line)
        while q.prio and at and line[at - 1].prio < q.prio:
            at -= 1
        line.insert(at, q)

    def unqueue(self, q: FutexQ) -> bool:
        """Take `q` off its list; returns False when a waker has done so already."""
        if q.key is None:
            return False
        line = self.waiters[q.key]
        line.remove(q)
        if not line:
            del self.waiters[q.key]
        q.key = None
        return True


class Deadline:
    """When a wait ends by itself: nanoseconds of CLOCK_MONOTONIC, or of CLOCK_REALTIME, which may be set."""

    __slots__ = ("realtime", "when")

    def __init__(self, when: int, realtime: bool = False) -> None:
        self.when = when
        self.realtime = realtime

    def monotonic(self, task: Task) -> int:
        """The deadline on CLOCK_MONOTONIC, as the clocks stand now."""
        return self.when - task.system.clock.realtime_offset if self.realtime else self.when


class FutexQ(Resume):
    """A task that waits for a futex (Linux: futex_q)."""

    __slots__ = ("addr", "bitset", "deadline", "key", "prio", "shared", "value", "wait")

    for_pi = False
    """It waits for a lock that inherits priority (kernel/futex_pi.py)."""

    def __init__(self, task: Task, addr: int, shared: bool, value: int, deadline: Deadline | None, bitset: int) -> None:
        self.addr = addr
        self.shared = shared
        self.value = value
        self.deadline = deadline
        self.bitset = bitset
        self.prio = task.se.rt_priority
        self.key: Hashable | None = None
        """The list it stands on; None once it was woken."""
        self.wait = WaitQueue()

    def step(self, task: Task) -> int:
        """After a wake-up: 0 if it was by a waker, ETIMEDOUT if by the clock, else sleep on."""
        if self.key is None:
            return 0
        system = task.system
        if self.deadline is not None and system.clock.monotonic() >= self.deadline.monotonic(task):
            system.futexes.unqueue(self)
            raise SysError(ETIMEDOUT)
        raise self.sleep(task)

    def sleep(self, task: Task) -> Sleep:
        """The sleep until a waker, or the clock, comes."""
        if self.deadline is None:
            return Sleep(self.wait, resume=self)
        deadline = self.deadline.monotonic(task)
        if self.deadline.realtime:
            return Sleep(self.wait, task.system.clock.was_set, resume=self, deadline=deadline)
        return Sleep(self.wait, resume=self, deadline=deadline)

    def interrupted(self, task: Task) -> int:
        """A signal came first: the call starts over if the handler allows that, with the same deadline."""
        task.system.futexes.unqueue(self)
        if self.deadline is None:
            return -ERESTARTSYS
        task.restart_block = FutexRestart(self)
        return -ERESTART_RESTARTBLOCK


class Futex2Q(FutexQ):
    """One of the call futex_wait, whose time is absolute: it is simply made again."""

    __slots__ = ()

    def interrupted(self, task: Task) -> int:
        """A signal came first."""
        task.system.futexes.unqueue(self)
        return -ERESTARTSYS


class FutexRestart(Resume):
    """A timed wait that restart_syscall goes on with."""

    __slots__ = ("addr", "bitset", "deadline", "shared", "value")

    def __init__(self, q: FutexQ) -> None:
        self.addr = q.addr
        self.shared = q.shared
        self.value = q.value
        self.deadline = q.deadline
        self.bitset = q.bitset

    def step(self, task: Task) -> int:
        """Wait again, if the word still has the expected value."""
        return futex_wait(task, self.addr, self.shared, self.value, self.deadline, self.bitset)


def task_mm(task: Task) -> MmStruct:
    """The address space of a task that makes calls."""
    mm = task.mm
    assert mm is not None
    return mm


def get_futex_key(task: Task, addr: int, shared: bool, write: bool = False) -> Hashable:
    """What the futex at `addr` is known by. EINVAL where it is not aligned, EFAULT for a bad address.

    Memory of one process has two keys, private and shared, which do not meet, as on Linux.
    """
    if addr & 3:
        raise SysError(EINVAL)
    if addr >= TASK_SIZE:
        raise SysError(EFAULT)
    mm = task_mm(task)
    key = mm.futex_key(addr, shared)
    if not shared:
        return key
    vma = mm.vmas.lookup(addr)
    if vma is None or not vma.flags & (VM_WRITE if write or key[0] is mm else VM_READ | VM_WRITE):
        raise SysError(EFAULT)
    return (*key, SHARED)


def is_shared(key: Hashable) -> bool:
    """Whether a key is one of those that processes share."""
    return isinstance(key, tuple) and key[-1] == SHARED


def futex_wait(
    task: Task,
    addr: int,
    shared: bool,
    value: int,
    deadline: Deadline | None,
    bitset: int,
    *,
    restart: bool = True,
) -> int:
    """Sleep until woken, if the word at `addr` is `value` (else EAGAIN). ETIMEDOUT at the deadline."""
    if not bitset:
        raise SysError(EINVAL)
    key = get_futex_key(task, addr, shared)
    if task_mm(task).read_u32(addr) != value:
        raise SysError(EAGAIN)
    q = (FutexQ if restart else Futex2Q)(task, addr, shared, value, deadline, bitset)
    task.system.futexes.queue(q, key)
    return q.step(task)


class FutexVector(Resume):
    """A task that waits for any of several futexes (futex_waitv); their FutexQs share one wait queue."""

    __slots__ = ("deadline", "queued", "wait")

    def __init__(self, queued: list[FutexQ], deadline: Deadline | None, wait: WaitQueue) -> None:
        self.queued = queued
        self.deadline = deadline
        self.wait = wait

    def step(self, task: Task) -> int:
        """The index of a futex that was woken, ETIMEDOUT, or sleep on."""
        woken = [index for index, q in enumerate(self.queued) if q.key is None]
        if woken:
            self._leave(task)
            return woken[-1]
        if self.deadline is None:
            raise Sleep(self.wait, resume=self)
        clock = task.system.clock
        deadline = self.deadline.monotonic(task)
        if clock.monotonic() >= deadline:
            self._leave(task)
            raise SysError(ETIMEDOUT)
        raise Sleep(self.wait, clock.was_set, resume=self, deadline=deadline)

    def interrupted(self, task: Task) -> int:
        """A signal came first: the call starts over if the handler allows that."""
        self._leave(task)
        return -ERESTARTSYS

    def _leave(self, task: Task) -> None:
        for q in self.queued:
            task.system.futexes.unqueue(q)


def futex_wait_multiple(task: Task, words: list[tuple[int, bool, int]], deadline: Deadline | None) -> int:
    """Sleep until one of `words`, each (address, shared, expected value), is woken; returns its index.

    EAGAIN if a value is not the expected one: then the task is on no list.
    """
    keys = [get_futex_key(task, addr, shared) for addr, shared, _ in words]
    wait = WaitQueue()
    vector = FutexVector([], deadline, wait)
    for (addr, shared, value), key in zip(words, keys, strict=True):
        try:
            found = task_mm(task).read_u32(addr)
        except SysError:
            vector.interrupted(task)
            raise
        if found != value:
            vector.interrupted(task)
            raise SysError(EAGAIN)
        q = FutexQ(task, addr, shared, value, None, FUTEX_BITSET_MATCH_ANY)
        q.wait = wait
        task.system.futexes.queue(q, key)
        vector.queued.append(q)
    return vector.step(task)


def _wake_key(table: FutexTable, key: Hashable, count: int, bitset: int) -> int:
    """Wake waiters of `key` whose bitset meets `bitset`, up to `count` of them but at least one; how many."""
    line = table.waiters.get(key)
    if not line:
        return 0
    woken = 0
    for q in list(line):
        if q.for_pi:
            raise SysError(EINVAL)  # it waits for a lock that inherits priority
        if not q.bitset & bitset:
            continue
        if woken >= max(count, 1):
            break
        table.unqueue(q)
        q.wait.wake_up()
        woken += 1
    return woken


def futex_wake(
    task: Task, addr: int, shared: bool, count: int, bitset: int = FUTEX_BITSET_MATCH_ANY, *, strict: bool = False
) -> int:
    """Wake up to `count` waiters; returns how many. 0 and less mean 1, as on Linux, but for `strict` 0 is none."""
    if not bitset:
        raise SysError(EINVAL)
    key = get_futex_key(task, addr, shared)
    return 0 if strict and not count else _wake_key(task.system.futexes, key, count, bitset)


def futex_wake_addr(task: Task, addr: int, count: int) -> int:
    """Wake waiters of a word that the kernel changed itself (clear_child_tid, robust futexes); never fails.

    The key is the shared one, as Linux has it: pthread_join waits without FUTEX_PRIVATE_FLAG.
    """
    try:
        return futex_wake(task, addr, True, count)
    except SysError:
        return 0


def futex_requeue(
    task: Task, addr: int, addr2: int, shared: bool, wake: int, requeue: int, expected: int | None
) -> int:
    """Wake `wake` waiters of `addr` and move up to `requeue` others to `addr2`; returns how many in all.

    EAGAIN when the word at `addr` is not `expected` (None: do not look).
    """
    if wake < 0 or requeue < 0:
        raise SysError(EINVAL)
    key = get_futex_key(task, addr, shared)
    key2 = get_futex_key(task, addr2, shared)
    if expected is not None and task_mm(task).read_u32(addr) != expected:
        raise SysError(EAGAIN)
    table = task.system.futexes
    chosen = list(table.waiters.get(key, ()))[: wake + requeue]
    for number, q in enumerate(chosen):
        if q.for_pi:
            raise SysError(EINVAL)
        if number < wake:
            table.unqueue(q)
            q.wait.wake_up()
        elif key2 != key:
            table.unqueue(q)
            q.addr = addr2
            table.queue(q, key2)
    return len(chosen)


def futex_wake_op(task: Task, addr: int, addr2: int, shared: bool, wake: int, wake2: int, encoded: int) -> int:
    """Change the word at `addr2`, wake `addr`'s waiters, and `addr2`'s too if its old value passes a test.

    `encoded` holds operation, comparison and their arguments (FUTEX_OP). Returns how many woke.
    """
    key = get_futex_key(task, addr, shared)
    key2 = get_futex_key(task, addr2, shared)
    passed = _atomic_op(task, addr2, encoded)
    table = task.system.futexes
    woken = _wake_key(table, key, wake, FUTEX_BITSET_MATCH_ANY)
    if passed:
        woken += _wake_key(table, key2, wake2, FUTEX_BITSET_MATCH_ANY)
    return woken


def _signed(value: int, bits: int) -> int:
    return (value & (1 << bits) - 1 ^ 1 << bits - 1) - (1 << bits - 1)


def _atomic_op(task: Task, addr: int, encoded: int) -> bool:
    """Do FUTEX_WAKE_OP's operation on the word at `addr`; returns what the comparison says of the old value.

    ENOSYS for an unknown operation, and for an unknown comparison once the word is changed, as on Linux.
    """
    operation, comparison = encoded >> 28 & 7, encoded >> 24 & 15
    argument, threshold = _signed(encoded >> 12, 12), _signed(encoded, 12)
    if encoded >> 28 & FUTEX_OP_ARG_SHIFT:
        argument = 1 << (argument & 31)
    mm = task_mm(task)
    old = mm.read_u32(addr)
    mm.write_u32(addr, _operate(operation, old, argument) & U32_MAX)
    return _compare(comparison, _signed(old, 32), threshold)


def _operate(operation: int, old: int, argument: int) -> int:
    if operation == FUTEX_OP_SET:
        return argument
    if operation == FUTEX_OP_ADD:
        return old + argument
    if operation == FUTEX_OP_OR:
        return old | argument
    if operation == FUTEX_OP_ANDN:
        return old & ~argument
    if operation == FUTEX_OP_XOR:
        return old ^ argument
    raise SysError(ENOSYS)


def _compare(comparison: int, old: int, threshold: int) -> bool:
    if comparison == FUTEX_OP_CMP_EQ:
        return old == threshold
    if comparison == FUTEX_OP_CMP_NE:
        return old != threshold
    if comparison == FUTEX_OP_CMP_LT:
        return old < threshold
    if comparison == FUTEX_OP_CMP_LE:
        return old <= threshold
    if comparison == FUTEX_OP_CMP_GT:
        return old > threshold
    if comparison == FUTEX_OP_CMP_GE:
        return old >= threshold
    raise SysError(ENOSYS)
