"""The clocks of the machine: CLOCK_MONOTONIC counts from boot, CLOCK_REALTIME is that plus an offset.

A virtual clock moves only when the kernel says so: a fixed step a trap (the kernel adds to `now` itself, or
calls `advance`) and a jump to the next timer when every task sleeps (`jump_to`). The same program therefore
sees the same times on every run. A real clock follows the host's; the kernel asks `monotonic` to refresh
`now`, and waits `idle_seconds` where a virtual clock would jump.

Times are integers, in nanoseconds.
"""

from __future__ import annotations

import time
from typing import Any

from forkernel.wait import WaitQueue

NSEC_PER_SEC = 1_000_000_000
NSEC_PER_USEC = 1_000

BOOT_EPOCH = 1_893_456_000 * NSEC_PER_SEC
"""CLOCK_REALTIME at boot of a virtual clock: 2030-01-01 00:00:00 UTC. It is later than the files of the
hosts this runs on, so that a file the guest writes is newer than what it was made from (make(1))."""

CLOCK_RES = 1
"""Resolution of every clock that is not a coarse one (Linux: hrtimer_resolution with high-resolution timers)."""


class Clock:
    """The virtual clock, and what both kinds share."""

    __slots__ = ("now", "realtime_offset", "timezone", "was_set")

    virtual = True
    """Whether time is the kernel's own to move."""
    longest_run = 1 << 62
    """How many nanoseconds, as the kernel counts them for user code, may pass between two looks at the clock."""

    def __init__(self, epoch: int = BOOT_EPOCH) -> None:
        self.now = 0
        """CLOCK_MONOTONIC nanoseconds. The kernel adds to it at each trap; it never goes back."""
        self.realtime_offset = epoch
        """CLOCK_REALTIME minus CLOCK_MONOTONIC."""
        self.was_set = WaitQueue()
        """Woken when CLOCK_REALTIME is set: who waits for a time on it must look again."""
        self.timezone = (0, 0)
        """Minutes west of Greenwich and kind of daylight saving, as settimeofday left them."""

    def monotonic(self) -> int:
        """CLOCK_MONOTONIC now."""
        return self.now

    def stamp(self) -> int:
        """The same for a trace: to look changes nothing."""
        return self.now

    def realtime(self) -> int:
        """CLOCK_REALTIME now: nanoseconds since 1970-01-01 UTC."""
        return self.monotonic() + self.realtime_offset

    def set_realtime(self, value: int) -> None:
        """Set CLOCK_REALTIME (clock_settime); CLOCK_MONOTONIC does not change."""
        self.realtime_offset = value - self.monotonic()
        self.was_set.wake_up()

    def advance(self, nanoseconds: int) -> None:
        """Let time pass while something runs."""
        self.now += nanoseconds

    def jump_to(self, when: int) -> None:
        """Nothing runs until CLOCK_MONOTONIC reaches `when`: go there at once. Never goes back."""
        self.now = max(self.now, when)

    def idle_seconds(self, when: int) -> float:
        """Host seconds for which the idle task must wait before CLOCK_MONOTONIC can reach `when`: 0 here."""
        return 0.0


class SmpClock(Clock):
    """The virtual clock of a machine of several CPUs: `now` is the local time of the one that the emulator runs.

    They are not exactly together, so `now` goes back a little when the emulator turns to another CPU. Who asks for the
    time gets none earlier than somebody was told before, on whatever CPU.
    """

    __slots__ = ("_told",)

    def __init__(self, epoch: int = BOOT_EPOCH) -> None:
        super().__init__(epoch)
        self._told = 0

    def monotonic(self) -> int:
        """CLOCK_MONOTONIC now."""
        if self.now > self._told:
            self._told = self.now
        return self._told


class RealClock(Clock):
    """The host's time. A restored snapshot goes on from where its clock stood."""

    __slots__ = ("_base",)

    virtual = False
    longest_run = 200_000

    def __init__(self) -> None:
        super().__init__(time.time_ns())
        self._base = time.monotonic_ns()

    def monotonic(self) -> int:
        """CLOCK_MONOTONIC now; `now` is refreshed."""
        now = self.now = time.monotonic_ns() - self._base
        return now

    def stamp(self) -> int:
        """The host's time too."""
        return self.monotonic()

    def advance(self, nanoseconds: int) -> None:
        """Time passes by itself: only refresh `now`."""
        self.monotonic()

    def jump_to(self, when: int) -> None:
        """Time cannot be hurried: only refresh `now`."""
        self.monotonic()

    def idle_seconds(self, when: int) -> float:
        """Host seconds until CLOCK_MONOTONIC reaches `when`."""
        return max(0, when - self.monotonic()) / NSEC_PER_SEC

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the base, which means something on this host and in this boot only."""
        state = {name: getattr(self, name) for name in Clock.__slots__}
        state["now"] = self.monotonic()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self._base = time.monotonic_ns() - self.now


def make_clock(kind: str, cpus: int = 1) -> Clock:
    """The clock for `--clock virtual` or `--clock real` of a machine with so many CPUs."""
    if kind == "real":
        return RealClock()
    return SmpClock() if cpus > 1 else Clock()
