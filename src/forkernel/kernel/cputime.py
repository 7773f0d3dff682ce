"""CPU time of threads and processes: the sums behind times(2), getrusage(2) and the CPU clocks.

The scheduler adds to `task.utime` and `task.stime`; a thread that is released leaves its times to its
process (`signal.utime`, `signal.stime`), a child that is waited for to its parent (`signal.cutime`, ...).
All times are in nanoseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.time import USER_HZ

if TYPE_CHECKING:
    from forkernel.kernel.task import SignalStruct, Task

NSEC_PER_TICK = 1_000_000_000 // USER_HZ
HZ = 250
"""Timer interrupts a second that a program can deduce; no interrupt happens."""


def task_cputime(task: Task) -> tuple[int, int]:
    """User and system time of one thread."""
    return task.utime, task.stime


def thread_group_cputime(signal: SignalStruct) -> tuple[int, int]:
    """User and system time of a process: its threads, and those already gone."""
    utime, stime = signal.utime, signal.stime
    for thread in signal.threads:
        utime += thread.utime
        stime += thread.stime
    return utime, stime


def nsec_to_clock_t(nanoseconds: int) -> int:
    """Clock ticks of 1/100 s (times(2))."""
    return nanoseconds // NSEC_PER_TICK
