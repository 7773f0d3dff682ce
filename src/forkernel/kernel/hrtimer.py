"""Timers on CLOCK_MONOTONIC (Linux: hrtimer), all of a system's in one heap.

Life cycle: an owner makes a `Timer` subclass, sets `expires` and calls `TimerQueue.start`. When the clock
reaches it, `run_expired` takes the timer out and calls `fire`, which may start it again; `cancel` takes it
out early. The trap path compares the clock with `next_expiry`, a plain integer, and calls nothing while no
timer is due.

Timers due at the same nanosecond fire in the order they were started.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

KTIME_MAX = (1 << 63) - 1
"""Nanoseconds that never come: the `next_expiry` of an empty queue."""

_SLACK = 64


class Timer:
    """Something to do at a time. Subclasses define `fire` and must be picklable."""

    __slots__ = ("expires", "ticket")

    def __init__(self, expires: int = KTIME_MAX) -> None:
        self.expires = expires
        """CLOCK_MONOTONIC nanoseconds. Not to be changed while the timer is queued: start it again."""
        self.ticket = 0
        """Number of the heap entry that stands for the timer, 0 when it is not queued."""

    @property
    def queued(self) -> bool:
        """Whether the timer waits to fire (Linux: hrtimer_is_queued)."""
        return self.ticket != 0

    def fire(self) -> None:
        """Called once the clock has reached `expires`; the timer is off the queue and may be started again."""
        raise NotImplementedError


class TimerQueue:
    """All timers that wait, soonest first.

    A cancelled or restarted timer leaves its old entry in the heap, known by its stale ticket; such entries
    never lie on top, so `next_expiry` is always a live timer's.
    """

    __slots__ = ("_heap", "_live", "_tickets", "next_expiry")

    def __init__(self) -> None:
        self.next_expiry = KTIME_MAX
        """When the first timer is due, KTIME_MAX when there is none."""
        self._heap: list[tuple[int, int, Timer]] = []
        self._live = 0
        self._tickets = 0

    def __len__(self) -> int:
        return self._live

    def start(self, timer: Timer, expires: int | None = None) -> None:
        """Queue `timer` for `expires` (None: the time it holds already); a queued timer moves."""
        if expires is not None:
            timer.expires = expires
        if not timer.ticket:
            self._live += 1
        self._tickets = timer.ticket = self._tickets + 1
        heappush(self._heap, (timer.expires, timer.ticket, timer))
        self._settle()

    def cancel(self, timer: Timer) -> bool:
        """Take `timer` off the queue; returns whether it was on it."""
        if not timer.ticket:
            return False
        timer.ticket = 0
        self._live -= 1
        self._settle()
        return True

    def run_expired(self, now: int) -> int:
        """Fire every timer due at `now`, in order of time; returns how many.

        Timers started meanwhile for `now` or earlier wait for the next call, so this always ends.
        """
        last = self._tickets
        postponed: list[tuple[int, int, Timer]] = []
        fired = 0
        while self._heap and self._heap[0][0] <= now:
            entry = heappop(self._heap)
            _, ticket, timer = entry
            if ticket != timer.ticket:
                continue
            if ticket > last:
                postponed.append(entry)
                continue
            timer.ticket = 0
            self._live -= 1
            fired += 1
            timer.fire()
        for entry in postponed:
            heappush(self._heap, entry)
        self._settle()
        return fired

    def timers(self) -> list[Timer]:
        """The queued timers, soonest first."""
        return [timer for _, ticket, timer in sorted(self._heap, key=_order) if ticket == timer.ticket]

    def _settle(self) -> None:
        """Drop stale entries from the top (all of them once they are many) and set `next_expiry`."""
        heap = self._heap
        if len(heap) > 2 * self._live + _SLACK:
            heap[:] = [entry for entry in heap if entry[1] == entry[2].ticket]
            heapify(heap)
        while heap and heap[0][1] != heap[0][2].ticket:
            heappop(heap)
        self.next_expiry = heap[0][0] if heap else KTIME_MAX


def _order(entry: tuple[int, int, Timer]) -> tuple[int, int]:
    return entry[0], entry[1]
