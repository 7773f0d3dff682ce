"""Failing a step on purpose: `--fail copy_mm:3` (Linux: fault injection, CONFIG_FAULT_INJECTION).

Each step of fork and exec that can fail asks here before it begins, if anybody has asked for failures: then
`System.failpoints` is a `FailPoints`, else None, and nothing is spent. A step counts once for each time a user
process comes to it; what the kernel does for itself (its threads, the first program) does not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from forkernel.abi.errno import EAGAIN, EMFILE, ENOMEM, NAMES
from forkernel.errors import SysError, UserError

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

FORK_FAILURES = {
    "dup_task_struct": ENOMEM,
    "fork_limits": EAGAIN,
    "copy_creds": ENOMEM,
    "sched_fork": EAGAIN,
    "copy_semundo": ENOMEM,
    "copy_files": ENOMEM,
    "copy_fs": ENOMEM,
    "copy_sighand": ENOMEM,
    "copy_signal": ENOMEM,
    "copy_mm": ENOMEM,
    "copy_namespaces": ENOMEM,
    "copy_io": ENOMEM,
    "copy_thread": ENOMEM,
    "alloc_pid": ENOMEM,
    "pidfd_prepare": EMFILE,
    "cgroup_can_fork": EAGAIN,
}
"""Steps of copy_process and the errno each fails with."""

EXEC_FAILURES = {
    "alloc_bprm": ENOMEM,
    "copy_strings": ENOMEM,
    "search_binary_handler": ENOMEM,
    "bprm_creds": ENOMEM,
    "de_thread": EAGAIN,
    "unshare_files": ENOMEM,
    "unshare_sighand": ENOMEM,
    "exec_mmap": ENOMEM,
    "load_elf_binary": ENOMEM,
}
"""Steps of execve. From `unshare_files` on there is no program to return to: the failure kills the process."""

FAILURES = FORK_FAILURES | EXEC_FAILURES

ERRNOS = {name: number for number, name in NAMES.items()}


class FailPoint(NamedTuple):
    """One failure asked for: the `nth` time (from 1) that the step is reached, with `errno`."""

    step: str
    nth: int
    errno: int


class FailPoints:
    """The failures asked for in a machine, and how often each step was reached."""

    __slots__ = ("failed", "points", "reached")

    def __init__(self, points: list[FailPoint]) -> None:
        self.points = points
        self.reached = dict.fromkeys((point.step for point in points), 0)
        self.failed: list[tuple[FailPoint, int]] = []
        """What failed so far, and in which process (its PID)."""

    def check(self, step: str, task: Task) -> None:
        """The step is about to be done for `task`: SysError if this is the time to fail."""
        if step not in self.reached or task.mm is None:
            return
        self.reached[step] += 1
        for point in self.points:
            if point.step == step and point.nth == self.reached[step]:
                self.failed.append((point, task.pid))
                raise SysError(point.errno)

    def unreached(self) -> list[FailPoint]:
        """Failures that did not come about."""
        return [point for point in self.points if self.reached[point.step] < point.nth]


def parse_failpoint(text: str) -> FailPoint:
    """STEP, STEP:N or STEP:N:ERRNO (`copy_mm:3`, `copy_mm:1:EAGAIN`). ValueError says what is wrong."""
    step, *rest = text.split(":")
    if step not in FAILURES:
        raise ValueError(f"{step or 'nothing'} is no step that can fail; there are {', '.join(FAILURES)}")
    if len(rest) > 2:
        raise ValueError("not of the form STEP[:N[:ERRNO]]")
    nth = rest[0] if rest else "1"
    if not nth.isascii() or not nth.isdigit() or int(nth) < 1:
        raise ValueError(f"{nth or 'nothing'} is not a count from 1")
    name = rest[1] if len(rest) > 1 else None
    if name is not None and name not in ERRNOS:
        raise ValueError(f"{name or 'nothing'} is not the name of an error")
    return FailPoint(step, int(nth), FAILURES[step] if name is None else ERRNOS[name])


def make_failpoints(texts: list[str]) -> FailPoints | None:
    """Fail points from what a user wrote, None for none. UserError."""
    try:
        return FailPoints([parse_failpoint(text) for text in texts]) if texts else None
    except ValueError as error:
        raise UserError(f"--fail: {error}") from None
