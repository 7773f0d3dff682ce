"""/proc/timer_list: the timers that wait (Linux: kernel/time/timer_list.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forkernel.kernel.hrtimer import Timer
    from forkernel.kernel.system import System

FUNCTIONS = {
    "SleepTimer": "hrtimer_wakeup",
    "HrAlarm": "posix_timer_fn",
    "RealTimer": "it_real_fn",
}
"""Linux's function for each kind of timer; others are shown by the name that they have here."""


def show(system: System) -> str:
    """Every timer, soonest first. There is one clock base, CLOCK_MONOTONIC, and the timers are not any CPU's."""
    now = system.clock.monotonic()
    head = f"Timer List Version: v0.10\nHRTIMER_MAX_CLOCK_BASES: 1\nnow at {now} nsecs\n\n"
    base = (
        "cpu: 0\n clock 0:\n  .base:       0000000000000000\n  .index:      0\n  .resolution: 1 nsecs\n"
        "  .offset:     0 nsecs\nactive timers:\n"
    )
    timers = system.timers.timers()
    return head + base + "".join(_line(number, timer, now) for number, timer in enumerate(timers))


def _line(number: int, timer: Timer, now: int) -> str:
    kind = type(timer).__name__
    left = timer.expires - now
    return (
        f" #{number}: <0000000000000000>, {FUNCTIONS.get(kind, kind)}, S:01\n"
        f" # expires at {timer.expires}-{timer.expires} nsecs [in {left} to {left} nsecs]\n"
    )
