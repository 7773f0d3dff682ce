"""The report at the end of a run: only what there is something to say about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.arch.x86_64.syscall_table import SYSCALLS
from forkernel.kernel.task import EXIT_ZOMBIE, TASK_STOPPED, TASK_TRACED

if TYPE_CHECKING:
    from forkernel.api import Kernel, Process
    from forkernel.kernel.task import Task

SHOWN = 20
"""Processes named before the rest is only counted."""


def missing_lines(kernel: Kernel) -> list[str]:
    """Calls that are not implemented."""
    return [
        f"{call.name} is not implemented: called {times(call.count)}, first by {call.comm}[{call.pid}]"
        for call in kernel.unimplemented
    ]


def failure_lines(kernel: Kernel) -> list[str]:
    """Failures of --fail that did not come about."""
    points = kernel.system.failpoints
    if points is None:
        return []
    return [
        f"--fail {point.step}:{point.nth}: nothing failed, times the step was reached: {points.reached[point.step]}"
        for point in points.unreached()
    ]


def repeatable_lines(kernel: Kernel) -> list[str]:
    """Whether the same command would do the same again."""
    if kernel.repeatable:
        return []
    return ["no C compiler was found to build the block counter: time slices follow the host's clock, not repeatable"]


def leftover_lines(kernel: Kernel, process: Process) -> list[str]:
    """Processes left behind by `process` (itself not counted: its end is told)."""
    left = [task for task in kernel.leftover() if task.pid not in (1, process.pid)]
    lines = [describe(task) for task in left[:SHOWN]]
    if len(left) > SHOWN:
        lines.append(f"and {len(left) - SHOWN} more processes were left")
    return lines


def describe_wait(task: Task) -> str:
    """What a process waits for, as far as its call tells."""
    who = f"process {task.pid} ({task.comm.decode(errors='replace')})"
    if task.state & (TASK_STOPPED | TASK_TRACED):
        return f"{who} is stopped"
    if task.exit_state & EXIT_ZOMBIE:
        return f"{who} is a zombie"
    return f"{who} waits in {SYSCALLS.get(task.syscall_nr, 'the kernel')}"


def times(count: int) -> str:
    """A count in words."""
    return "once" if count == 1 else f"{count} times" if count else "never"


def describe(task: Task) -> str:
    """One process left behind."""
    who = f"process {task.pid} ({task.comm.decode(errors='replace')})"
    if task.exit_state & EXIT_ZOMBIE:
        parent = task.real_parent
        return f"{who} was left a zombie: {parent.pid} ({parent.comm.decode(errors='replace')}) did not wait for it"
    return f"{who} was still alive at the end"
