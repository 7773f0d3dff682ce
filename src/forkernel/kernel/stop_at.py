"""Stopping a run at an event: `--stop-at sched_process_fork:3,pid=5`.

Life cycle: `parse_stop` reads the text; `StopAt.attach` listens to the one event; each time it happens with everything
as wanted it is counted, and the last time stops the run at the end of the trap, in a state that can be looked into,
saved and gone on from. The run itself is not changed by it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from forkernel.arch.x86_64.syscall_table import SYSCALLS
from forkernel.kernel.task import Task
from forkernel.trace.steps import describe
from forkernel.trace.tracepoints import EVENTS, STEPS

if TYPE_CHECKING:
    from forkernel.kernel.system import System

STOPPED = "stop-at"
"""What `Kernel.run` returns then."""
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "sys_enter": ("task",),
    "sys_exit": ("task", "result"),
    "signal_generate": ("sig", "info", "task", "group", "result"),
    "signal_deliver": ("task", "sig", "info", "action"),
    "signal_stop": ("task", "sig"),
    "signal_continue": ("task",),
    "page_fault": ("task", "address", "error_code", "rip"),
    "task_newtask": ("task", "flags"),
    "task_rename": ("task", "newcomm"),
    "sched_process_fork": ("task", "child"),
    "sched_process_exec": ("task", "filename", "old_pid"),
    "sched_process_exit": ("task",),
    "sched_process_wait": ("task", "wanted"),
    "sched_process_free": ("task",),
    "sched_switch": ("task", "next"),
    "sched_wakeup": ("task",),
    "sched_wakeup_new": ("task",),
    "sched_migrate_task": ("task", "orig_cpu", "dest_cpu"),
    "mark_victim": ("task",),
}
"""What the arguments of the events are called in conditions; `task` is who it is about (`pid`, `tgid`, `comm`).
Those of steps are in `forkernel.trace.steps`."""
ABOUT_TASK: dict[str, Callable[[Task], Any]] = {
    "pid": lambda task: task.pid,
    "tgid": lambda task: task.tgid,
    "ppid": lambda task: task.real_parent.tgid,
    "comm": lambda task: task.comm,
    "call": lambda task: SYSCALLS.get(task.syscall_nr, ""),
}
"""Conditions on the task of any event, by name."""


class StopAt:
    """A sink that stops the run."""

    def __init__(self, event: str, nth: int, conditions: tuple[tuple[str, str], ...]) -> None:
        self.event = event
        self.nth = nth
        self.conditions = conditions
        self.count = 0
        """How often it happened as wanted."""
        self.system: System | None = None

    @property
    def reached(self) -> bool:
        """Whether the run was stopped."""
        return self.count >= self.nth

    def attach(self, system: System) -> None:
        """Listen from now on."""
        self.system = system
        system.trace.attach(self)

    def hook(self, name: str) -> Callable[..., None] | None:
        """Its one event."""
        return self.happened if name == self.event else None

    def happened(self, *arguments: Any) -> None:
        """The event: count it if it is one of those wanted."""
        if self.reached or not self._wanted(arguments):
            return
        self.count += 1
        if self.reached and self.system is not None:
            self.system.entry.stop(STOPPED)

    def _wanted(self, arguments: tuple[Any, ...]) -> bool:
        if not self.conditions:
            return True
        if self.event in STEPS:
            task, fields = describe(self.event, arguments)
        else:
            fields = dict(zip(ARGUMENTS[self.event], arguments, strict=False))
            task = fields.get("task")
        return all(self._holds(task, fields, name, value) for name, value in self.conditions)

    def _holds(self, task: Any, fields: dict[str, Any], name: str, wanted: str) -> bool:
        if name in ABOUT_TASK:
            return isinstance(task, Task) and same(ABOUT_TASK[name](task), wanted)
        return same(fields.get(name), wanted)

    def __str__(self) -> str:
        conditions = "".join(f",{name}={value}" for name, value in self.conditions)
        return f"{self.event}:{self.nth}{conditions}"


def same(value: Any, wanted: str) -> bool:
    """Whether a value of an event is what was written: a number in decimal or hexadecimal, or text."""
    if isinstance(value, Task):
        value = value.pid
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, bool):
        return wanted in (str(value).lower(), str(int(value)))
    if isinstance(value, int):
        try:
            return value == int(wanted, 0)
        except ValueError:
            return False
    return value is not None and str(value) == wanted


def parse_stop(text: str) -> StopAt:
    """EVENT[:N][,NAME=VALUE]...; ValueError says what is wrong."""
    head, *rest = text.split(",")
    event, colon, number = head.partition(":")
    if event not in EVENTS + STEPS:
        raise ValueError(f"there is no event {event!r} (forkernel.trace.tracepoints lists them)")
    if colon and (not number.isascii() or not number.isdigit() or int(number) < 1):
        raise ValueError(f"{number!r} is not a number of times")
    conditions = []
    for part in rest:
        name, equals, value = part.partition("=")
        if not equals or not name:
            raise ValueError(f"{part!r} is not of the form NAME=VALUE")
        if event not in STEPS and name not in ABOUT_TASK and name not in ARGUMENTS[event]:
            known = ", ".join((*ABOUT_TASK, *[other for other in ARGUMENTS[event] if other != "task"]))
            raise ValueError(f"{event} has no {name!r}; there are {known}")
        conditions.append((name, value))
    return StopAt(event, int(number) if colon else 1, tuple(conditions))
