"""Futexes that inherit priority: FUTEX_LOCK_PI and its kin (Linux: kernel/futex/pi.c, requeue.c; futex(2)).

Life cycle of a lock: user space changes the word from 0 to its TID without a call. Who finds it taken calls
`futex_lock_pi`, which sets FUTEX_WAITERS in the word and makes a `PiState` that knows the owner; the caller stands in
line as a `FutexPiQ`, on the futex table's list like any waiter, and its priority goes to the owner
(kernel/rtmutex.py). `futex_unlock_pi` writes the first waiter's TID into the word and hands the lock over. The state
goes with its last waiter. `exit_pi_state_list` hands over what a dying owner leaves; the new owner then finds
FUTEX_OWNER_DIED in the word.

Condition variables: `futex_wait_requeue_pi` waits on one word to be moved, by `futex_cmp_requeue_pi`, to the line of
a lock on another.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from forkernel.abi.errno import EAGAIN, EDEADLK, EINVAL, EPERM, ERESTARTNOINTR, ESRCH, ETIMEDOUT
from forkernel.abi.futex import FUTEX_BITSET_MATCH_ANY, FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS
from forkernel.errors import SysError
from forkernel.kernel.futex import Deadline, FutexQ, get_futex_key, is_shared, task_mm
from forkernel.kernel.pid import find_task_by_vpid, task_pid_vnr
from forkernel.kernel.rtmutex import PiTasks, adjust_prio_chain, rt_mutex_adjust_prio, rt_prio, would_deadlock
from forkernel.kernel.task import PF_EXITING, PF_KTHREAD

if TYPE_CHECKING:
    from forkernel.kernel.futex import FutexTable
    from forkernel.kernel.task import Task


class PiState:
    """A lock that somebody waits for (Linux: futex_pi_state). Its line is the futex table's list for `key`."""

    __slots__ = ("key", "owner", "table")

    def __init__(self, table: FutexTable, key: Hashable, owner: Task) -> None:
        self.table = table
        self.key = key
        self.owner = owner
        table.pi.states[key] = self
        table.pi.owned.setdefault(owner, {})[self] = None

    def top_waiter(self) -> FutexPiQ:
        """The first in line."""
        q = self.table.waiters[self.key][0]
        assert isinstance(q, FutexPiQ)
        return q

    def enqueue_pi(self) -> None:
        """Somebody has become the first in line, or is so anew (Linux: rt_mutex_enqueue_pi)."""
        self.table.pi.tickets += 1
        self.top_waiter().pi_ticket = self.table.pi.tickets

    def set_owner(self, owner: Task | None) -> None:
        """Another owner, or none any more: nobody waits."""
        owned = self.table.pi.owned
        mine = owned[self.owner]
        del mine[self]
        if not mine:
            del owned[self.owner]
        if owner is None:
            del self.table.pi.states[self.key]
        else:
            self.owner = owner
            owned.setdefault(owner, {})[self] = None

    def handover(self, owner_died: bool = False) -> None:
        """Give the lock to the first in line (Linux: wake_futex_pi)."""
        q, old = self.top_waiter(), self.owner
        more = len(self.table.waiters[self.key]) > 1
        q.acquire(owner_died)
        self.set_owner(q.task if more else None)
        rt_mutex_adjust_prio(old)
        if more:
            self.enqueue_pi()
        q.wait.wake_up()


class FutexPiQ(FutexQ):
    """A task in line for a lock, or on its way there from a condition variable."""

    __slots__ = ("acquired", "owner_died", "pi_prio", "pi_ticket", "requeue_key", "state", "task")

    for_pi = True

    def __init__(self, task: Task, addr: int, shared: bool, deadline: Deadline | None) -> None:
        super().__init__(task, addr, shared, 0, deadline, FUTEX_BITSET_MATCH_ANY)
        self.task = task
        self.state: PiState | None = None
        """The lock that it waits for; None while it waits to be requeued."""
        self.requeue_key: Hashable | None = None
        """Of the lock it is to be requeued to (FUTEX_WAIT_REQUEUE_PI), None for one that came by itself."""
        self.pi_prio = 0
        """Its priority as the lock's owner knows it, and"""
        self.pi_ticket = 0
        """its turn among equals there."""
        self.acquired = False
        self.owner_died = False
        """The owner died and left the word to be written by us."""

    @property
    def state_now(self) -> PiState:
        """The lock that it stands in line for."""
        assert self.state is not None
        return self.state

    def block(self, state: PiState, key: Hashable) -> None:
        """Stand in the line of a lock (Linux: task_blocks_on_rt_mutex)."""
        table = self.task.system.futexes
        self.state = state
        self.prio = self.pi_prio = rt_prio(self.task)
        table.queue(self, key)
        table.pi.blocked[self.task] = self
        if state.top_waiter() is self:
            state.enqueue_pi()
        adjust_prio_chain(state.owner)

    def reposition(self, prio: int) -> None:
        """The task has another priority: its place in line changes."""
        table, key = self.task.system.futexes, self.key
        if key is None or self.state is None:
            return
        before = self.state.top_waiter()
        table.unqueue(self)
        self.prio = prio
        table.queue(self, key)
        top = self.state.top_waiter()
        if self in (before, top):
            top.pi_prio = top.prio
            self.state.enqueue_pi()

    def acquire(self, owner_died: bool) -> None:
        """The lock is ours: leave the line."""
        table = self.task.system.futexes
        table.unqueue(self)
        table.pi.blocked.pop(self.task, None)
        self.acquired, self.owner_died = True, owner_died

    def leave(self) -> None:
        """Give up waiting."""
        table, state = self.task.system.futexes, self.state
        first = state is not None and state.top_waiter() is self
        table.unqueue(self)
        if state is not None:
            table.pi.blocked.pop(self.task, None)
            owner = state.owner
            if state.key not in table.waiters:
                state.set_owner(None)
            elif first:
                state.enqueue_pi()
            adjust_prio_chain(owner)

    def step(self, task: Task) -> int:
        """After a wake-up: 0 with the lock, ETIMEDOUT, or sleep on."""
        if self.acquired:
            if self.owner_died:
                fixup_pi_state_owner(task, self.addr, FUTEX_OWNER_DIED)
            return 0
        if self.deadline is not None and task.system.clock.monotonic() >= self.deadline.monotonic(task):
            self.leave()
            raise SysError(ETIMEDOUT)
        raise self.sleep(task)

    def interrupted(self, task: Task) -> int:
        """A signal came first: the call is made again, unless it has been requeued already."""
        requeued = self.requeue_key is not None and self.state is not None
        self.leave()
        return -EAGAIN if requeued else -ERESTARTNOINTR


def fixup_pi_state_owner(task: Task, addr: int, died: int = 0) -> None:
    """Write our TID into the word of a lock that is ours; `died` is FUTEX_OWNER_DIED where the last owner did."""
    mm = task_mm(task)
    mm.write_u32(addr, mm.read_u32(addr) & FUTEX_OWNER_DIED | died | FUTEX_WAITERS | task_pid_vnr(task))


# --- locking


def futex_lock_pi(task: Task, addr: int, shared: bool, deadline: Deadline | None, trylock: bool = False) -> int:
    """Take the lock at `addr` or wait for it until the deadline. EDEADLK when that would be for ever; ESRCH when the
    owner is no task; EINVAL when word and waiters contradict each other; EAGAIN for `trylock`; ETIMEDOUT.
    """
    key = get_futex_key(task, addr, shared, write=True)
    state = futex_lock_pi_atomic(task, addr, key, task, set_waiters=False)
    if state is None:
        return 0
    if trylock or would_deadlock(task, state):
        if state.owner is task:
            fixup_pi_state_owner(task, addr)
        drop_unused(state)
        raise SysError(EAGAIN if trylock else EDEADLK)
    q = FutexPiQ(task, addr, shared, deadline)
    q.block(state, key)
    return q.step(task)


def drop_unused(state: PiState) -> None:
    """A state made for a waiter that does not wait after all."""
    if state.key not in state.table.waiters:
        state.set_owner(None)


def futex_lock_pi_atomic(task: Task, addr: int, key: Hashable, who: Task, set_waiters: bool) -> PiState | None:
    """Take the lock for `who` if it is free (None), else the state to wait on. The word is the caller's memory.

    With `set_waiters` others are about to stand in line behind `who`, and the word says so.
    """
    mm, table = task_mm(task), task.system.futexes
    value, tid = mm.read_u32(addr), task_pid_vnr(who)
    if value & FUTEX_TID_MASK == tid:
        raise SysError(EDEADLK)
    if key in table.waiters:
        return attach_to_pi_state(table.pi, key, value)
    if not value & FUTEX_TID_MASK:
        mm.write_u32(addr, value & FUTEX_OWNER_DIED | tid | (FUTEX_WAITERS if set_waiters else 0))
        return None
    mm.write_u32(addr, value | FUTEX_WAITERS)
    return attach_to_pi_owner(task, key, value)


def attach_to_pi_state(pi: PiTasks, key: Hashable, value: int) -> PiState:
    """The state of a lock that has waiters; EINVAL if they do not wait for a lock, or the word names another owner."""
    state = pi.states.get(key)
    if state is None:
        raise SysError(EINVAL)
    tid = value & FUTEX_TID_MASK
    if not (value & FUTEX_OWNER_DIED and not tid) and tid != task_pid_vnr(state.owner):
        raise SysError(EINVAL)
    return state


def attach_to_pi_owner(task: Task, key: Hashable, value: int) -> PiState:
    """A state for the task that the word names: ESRCH for none or one that has ended; EPERM for a kernel thread and, if
    the lock is private, for another process.
    """
    owner = find_task_by_vpid(task, value & FUTEX_TID_MASK)
    if owner is None or (owner.flags & PF_EXITING and not owner.flags & PF_KTHREAD):
        raise SysError(ESRCH)
    if owner.flags & PF_KTHREAD or (not is_shared(key) and owner.mm is not task.mm):
        raise SysError(EPERM)
    return PiState(task.system.futexes, key, owner)


def futex_unlock_pi(task: Task, addr: int, shared: bool) -> int:
    """Hand the lock to the first in line, or free it. EPERM unless the word says that it is ours; EINVAL."""
    mm = task_mm(task)
    value = mm.read_u32(addr)
    if value & FUTEX_TID_MASK != task_pid_vnr(task):
        raise SysError(EPERM)
    key = get_futex_key(task, addr, shared, write=True)
    table = task.system.futexes
    line = table.waiters.get(key)
    if not line:
        mm.write_u32(addr, 0)
        return 0
    state, q = table.pi.states.get(key), line[0]
    if state is None or state.owner is not task or not isinstance(q, FutexPiQ):
        raise SysError(EINVAL)
    mm.write_u32(addr, FUTEX_WAITERS | task_pid_vnr(q.task))
    state.handover()
    return 0


def exit_pi_state_list(task: Task) -> None:
    """A task exits or changes its program: those who wait for its locks get them."""
    for state in list(task.system.futexes.pi.owned.get(task, ())):
        state.handover(owner_died=True)


# --- condition variables


def futex_wait_requeue_pi(
    task: Task, addr: int, shared: bool, value: int, deadline: Deadline | None, bitset: int, addr2: int
) -> int:
    """Wait on `addr`, if its word is `value`, to be moved to the lock at `addr2`; 0 with that lock held. EAGAIN,
    EINVAL, ETIMEDOUT.
    """
    if addr == addr2 or not bitset:
        raise SysError(EINVAL)
    key2 = get_futex_key(task, addr2, shared, write=True)
    key = get_futex_key(task, addr, shared)
    if task_mm(task).read_u32(addr) != value:
        raise SysError(EAGAIN)
    if key == key2:
        raise SysError(EINVAL)
    q = FutexPiQ(task, addr, shared, deadline)
    q.requeue_key = key2
    task.system.futexes.queue(q, key)
    return q.step(task)


def futex_cmp_requeue_pi(
    task: Task, addr: int, addr2: int, shared: bool, wake: int, requeue: int, expected: int
) -> int:
    """Give the lock at `addr2` to the first waiter of `addr` if it is free, and put up to `requeue` others into its
    line; how many in all. EINVAL for waiters of another kind or another lock, EAGAIN when the word is not `expected`.
    """
    if wake != 1 or requeue < 0 or addr == addr2:
        raise SysError(EINVAL)
    key = get_futex_key(task, addr, shared)
    key2 = get_futex_key(task, addr2, shared, write=True)
    if key == key2:
        raise SysError(EINVAL)
    if task_mm(task).read_u32(addr) != expected:
        raise SysError(EAGAIN)
    table = task.system.futexes
    line = table.waiters.get(key)
    if not line:
        return 0
    first = line[0]
    if not isinstance(first, FutexPiQ) or first.state is not None or first.requeue_key != key2:
        raise SysError(EINVAL)
    state = futex_lock_pi_atomic(task, addr2, key2, first.task, bool(requeue))
    done = 0
    if state is None:
        first.addr = addr2
        first.acquire(owner_died=False)
        first.wait.wake_up()
        state, done = (PiState(table, key2, first.task) if requeue else None), 1
    try:
        while state is not None and done - wake < requeue and (line := table.waiters.get(key)):
            _requeue_pi(line[0], state, key2, addr2)
            done += 1
    finally:
        if state is not None:
            drop_unused(state)
    return done


def _requeue_pi(q: FutexQ, state: PiState, key: Hashable, addr: int) -> None:
    """Move a waiter to the line of a lock. EINVAL, EDEADLK; the latter ends its wait too."""
    if not isinstance(q, FutexPiQ) or q.state is not None or q.requeue_key != key:
        raise SysError(EINVAL)
    if would_deadlock(q.task, state):
        raise SysError(EDEADLK)
    q.task.system.futexes.unqueue(q)
    q.addr = addr
    q.block(state, key)
