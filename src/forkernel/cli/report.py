"""The report at the end of a run: only what there is something to say about."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forkernel.api import Kernel, Process
    from forkernel.kernel.task import Task

EXIT_ZOMBIE = 0x20
SHOWN = 20
"""Processes named before the rest is only counted."""


def report_lines(kernel: Kernel, process: Process) -> list[str]:
    """Calls that are not implemented, and processes left behind by `process` (itself not counted: its end is told)."""
    lines = [
        f"{call.name} is not implemented: called {times(call.count)}, first by {call.comm}[{call.pid}]"
        for call in kernel.unimplemented
    ]
    left = [task for task in kernel.leftover() if task.pid not in (1, process.pid)]
    lines += [describe(task) for task in left[:SHOWN]]
    if len(left) > SHOWN:
        lines.append(f"and {len(left) - SHOWN} more processes were left")
    return lines


def times(count: int) -> str:
    """A count in words."""
    return "once" if count == 1 else f"{count} times"


def describe(task: Task) -> str:
    """One process left behind."""
    who = f"process {task.pid} ({task.comm.decode(errors='replace')})"
    if task.exit_state & EXIT_ZOMBIE:
        parent = task.real_parent
        return f"{who} was left a zombie: {parent.pid} ({parent.comm.decode(errors='replace')}) did not wait for it"
    return f"{who} was still alive at the end"
