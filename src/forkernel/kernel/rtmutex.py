"""Priority inheritance: who holds a lock that others wait for runs at the best of their priorities (Linux:
kernel/locking/rtmutex.c).

Life of a boost: a task that blocks on a lock stands in the lock's line, best priority first; `adjust_prio_chain` gives
the lock's owner the priority of the first in line, if that is of the real-time class and better than the owner's own,
and goes on with the lock that the owner waits for. What the program asked for stays in `PiTasks.normal` meanwhile, and
comes back when the line is empty or the lock goes to another.

A boosted task is scheduled as SCHED_FIFO. Among tasks that are not of the real-time class nobody is boosted, as on
Linux.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.sched import SCHED_FIFO, SCHED_RR

if TYPE_CHECKING:
    from forkernel.kernel.futex_pi import FutexPiQ, PiState
    from forkernel.kernel.task import Task

RT_POLICIES = (SCHED_FIFO, SCHED_RR)
MAX_LOCK_DEPTH = 1024
"""Locks that a chain of owners and waiters is followed through."""


class PiTasks:
    """What tasks have to do with locks that inherit priority; all empty while nobody waits for one."""

    __slots__ = ("blocked", "normal", "owned", "states", "tickets", "top")

    def __init__(self) -> None:
        self.states: dict[object, PiState] = {}
        """Locks that somebody waits for, by futex key."""
        self.owned: dict[Task, dict[PiState, None]] = {}
        """Those that a task owns."""
        self.blocked: dict[Task, FutexPiQ] = {}
        """Where a task stands in line for one."""
        self.normal: dict[Task, tuple[int, int]] = {}
        """Policy and priority of a boosted task as its program knows them (Linux: policy, normal_prio)."""
        self.top: dict[Task, Task] = {}
        """From whom a task inherits (Linux: pi_top_task). The new owner of a lock looks for that only when the line
        changes again, as on Linux: it was more urgent than all others just now."""
        self.tickets = 0


def normal_sched(task: Task) -> tuple[int, int]:
    """Policy and real-time priority that a task was given, whatever it inherits now."""
    return task.system.futexes.pi.normal.get(task) or (task.se.policy, task.se.rt_priority)


def rt_prio(task: Task) -> int:
    """The real-time priority that a task runs at, 0 for the fair class."""
    return task.se.rt_priority if task.se.policy in RT_POLICIES else 0


def set_normal_sched(task: Task, policy: int, priority: int) -> None:
    """A program gives the task another policy and priority: they count at once unless it inherits a better one."""
    pi = task.system.futexes.pi
    if task in pi.normal:
        pi.normal[task] = (policy, priority)
    else:
        task.se.policy, task.se.rt_priority = policy, priority
    if pi.states:
        _setprio(task)
        rt_mutex_adjust_pi(task)


def adjust_prio_chain(task: Task) -> None:
    """The line of a lock that `task` owns has changed: what it inherits goes on to whoever it waits for."""
    rt_mutex_adjust_prio(task)
    rt_mutex_adjust_pi(task)


def rt_mutex_adjust_prio(task: Task) -> None:
    """Look anew who is the most urgent of those who wait for the task's locks."""
    top, pi_top = task_top_pi_waiter(task), task.system.futexes.pi.top
    if top is not None:
        pi_top[task] = top.task
    else:
        pi_top.pop(task, None)
    _setprio(task)


def rt_mutex_adjust_pi(task: Task) -> None:
    """The priority of a task has changed: so does its place in line, and with it what the lock's owner inherits
    (Linux: rt_mutex_adjust_prio_chain).

    The walk ends, as on Linux, at an owner for whom a waiter of another lock is more urgent: whoever holds what that
    owner waits for keeps what it has inherited.
    """
    for _ in range(MAX_LOCK_DEPTH):
        q = task.system.futexes.pi.blocked.get(task)
        if q is None or q.prio == rt_prio(task):
            return
        q.reposition(rt_prio(task))
        task = q.state_now.owner
        rt_mutex_adjust_prio(task)
        if task_top_pi_waiter(task) is not q.state_now.top_waiter():
            return


def task_top_pi_waiter(task: Task) -> FutexPiQ | None:
    """The most urgent of those who are first in line for one of the task's locks.

    By the priority that they had when they came, or that was set while they were the first: Linux does not look again
    when somebody becomes the first because others leave.
    """
    owned = task.system.futexes.pi.owned.get(task)
    return max((state.top_waiter() for state in owned), key=pi_prio) if owned else None


def pi_prio(q: FutexPiQ) -> tuple[int, int]:
    """The priority of a waiter as the owner of its lock knows it; among equals the earlier comes first."""
    return q.pi_prio, -q.pi_ticket


def _setprio(task: Task) -> None:
    """Make a task run at the better of its own priority and of those who wait for it."""
    pi, se = task.system.futexes.pi, task.se
    policy, priority = normal_sched(task)
    best = priority if policy in RT_POLICIES else 0
    top = pi.top.get(task)
    inherited = rt_prio(top) if top is not None else 0
    if inherited > best:
        pi.normal[task] = (policy, priority)
        policy, priority = SCHED_FIFO, inherited
    else:
        pi.normal.pop(task, None)
    if (se.policy, se.rt_priority) == (policy, priority):
        return
    se.policy, se.rt_priority = policy, priority
    if not task.exit_state:
        task.system.sched.set_params(task)


def would_deadlock(task: Task, state: PiState) -> bool:
    """Whether the owner of the lock waits, through whatever chain, for one that `task` owns."""
    owner = state.owner
    for _ in range(MAX_LOCK_DEPTH):
        if owner is task:
            return True
        q = task.system.futexes.pi.blocked.get(owner) if owner is not None else None
        if q is None:
            return False
        owner = q.state_now.owner
    return True
