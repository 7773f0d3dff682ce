"""Wait queues, and the one way to sleep: raising `Sleep`.

Life cycle of a sleep: a handler finds that it must wait and raises `Sleep(queue, ...)`; dispatch parks
the task on the queues; somebody calls `queue.wake_up()`; the task becomes runnable and, when it is next
picked, either the handler runs again from the start or, where the sleep had progress to keep,
`resume.step(task)` runs instead. Nothing stays on the Python stack meanwhile, so a sleeping kernel can be
pickled.

A signal ends an interruptible sleep: the handler (or step) is tried once more, and only if it would sleep
again does the call end with the sleep's `on_signal` code (or `resume.interrupted(task)`).
"""

from __future__ import annotations

from typing import Any, Protocol

from forkernel.abi.errno import ERESTARTSYS


class Waiter(Protocol):
    """What can be parked on a queue: a task."""

    def wake_from(self, queue: WaitQueue) -> None:
        """Take the waiter off every queue it is parked on and make it runnable."""


class WaitQueue:
    """Waiters in arrival order (Linux: wait_queue_head). `seq` counts wake-ups, for edge triggers."""

    __slots__ = ("seq", "waiters")

    def __init__(self) -> None:
        self.waiters: dict[Waiter, None] = {}
        self.seq = 0

    def __bool__(self) -> bool:
        return bool(self.waiters)

    def wake_up(self, limit: int | None = None) -> int:
        """Wake the first `limit` waiters (None: all of them); returns how many were woken."""
        self.seq += 1
        if not self.waiters:
            return 0
        chosen = list(self.waiters) if limit is None else list(self.waiters)[:limit]
        for waiter in chosen:
            waiter.wake_from(self)
        return len(chosen)


class LifoQueue(WaitQueue):
    """A queue where the latest comer is woken first (Linux: __add_wait_queue_exclusive)."""

    __slots__ = ()

    def wake_up(self, limit: int | None = None) -> int:
        """Wake the last `limit` waiters (None: all of them); returns how many were woken."""
        self.seq += 1
        chosen = list(reversed(self.waiters))[:limit]
        for waiter in chosen:
            waiter.wake_from(self)
        return len(chosen)


class KeyedQueue(WaitQueue):
    """A queue whose wake-ups tell of certain events only, `key`, an EPOLL mask (Linux: wake_up_poll): an epoll set that
    wants others stays out of it. 0: of anything, as while `wake_up_any` runs.
    """

    __slots__ = ("key",)

    def __init__(self, key: int) -> None:
        super().__init__()
        self.key = key

    def wake_up_any(self) -> None:
        """Everybody looks again, whatever they wait for."""
        key, self.key = self.key, 0
        self.wake_up()
        self.key = key


class Resume:
    """Progress that a sleeping call keeps; picklable. Subclasses add fields and override `step`."""

    __slots__ = ()

    def step(self, task: Any) -> int:
        """Go on with the call: return its result, raise SysError, or raise Sleep again."""
        raise NotImplementedError

    def interrupted(self, task: Any) -> int:
        """Result when a signal cuts the sleep short: a count, or a negative errno or restart code."""
        return -ERESTARTSYS


class Sleep(Exception):
    """The current call must wait on `queues` (none: only the deadline or a signal ends it).

    `deadline` is CLOCK_MONOTONIC in nanoseconds; whoever runs after the wake-up compares the clock
    itself. `on_signal` is the code for an interrupted call that has no `resume`. With
    `interruptible=False` only a fatal signal ends the sleep (Linux: TASK_KILLABLE).
    """

    state = 0
    """The task's state while it sleeps; 0: by `interruptible`."""
    in_fault = False
    """It sleeps in a page fault, not in a call: it executes its instruction again."""

    def __init__(
        self,
        *queues: WaitQueue,
        resume: Resume | None = None,
        deadline: int | None = None,
        on_signal: int = ERESTARTSYS,
        interruptible: bool = True,
    ) -> None:
        self.queues = queues
        self.resume = resume
        self.deadline = deadline
        self.on_signal = on_signal
        self.interruptible = interruptible
