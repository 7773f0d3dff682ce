"""What every sink of events shares: which events it wants, and the calls that are under way.

A sink's methods are the tracepoints (`forkernel.trace.tracepoints`). This base class pairs `sys_enter` with
`sys_exit`, so that a subclass sees whole calls: `call_begins`, then `call_ends` or `call_never_ends`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from forkernel.trace.calls import Argument, signature
from forkernel.trace.kinds import Record
from forkernel.trace.steps import Fields, describe
from forkernel.trace.tracepoints import STEPS
from forkernel.trace.tree import ProcessTree


class Writer(Protocol):
    """Where lines go."""

    def write(self, text: str) -> None:
        """Append `text`."""

    def close(self) -> None:
        """Finish."""


GROUPS: dict[str, tuple[str, ...]] = {
    "calls": ("sys_enter", "sys_exit"),
    "signals": ("signal_deliver", "signal_stop"),
    "sends": ("signal_generate",),
    "faults": ("page_fault",),
    "forks": ("sched_process_fork",),
    "execs": ("sched_process_exec",),
    "exits": ("sched_process_exit", "mark_victim"),
    "waits": ("sched_process_wait", "sched_process_free"),
    "switches": ("sched_switch",),
    "wakeups": ("sched_wakeup", "sched_wakeup_new"),
    "steps": STEPS,
}
"""What a user may ask for, and the tracepoints behind it."""

DEFAULT_GROUPS = ("calls", "signals", "forks", "execs", "exits", "switches")

LIFE = ("sched_process_fork", "sched_process_exec", "sched_process_exit")
"""Always listened to, for the tree."""

NO_RETURN = ("exit", "exit_group")


class CallTable:
    """Names and declared parameters of calls by number."""

    __slots__ = ("names", "parameters")

    def __init__(self, names: Mapping[int, str], parameters: Mapping[str, Any]) -> None:
        self.names = names
        self.parameters = parameters

    def name(self, number: int) -> str:
        """The call's name; strace's `syscall_0x...` where there is none."""
        return self.names.get(number) or f"syscall_{number:#x}"

    def arguments(self, name: str) -> tuple[Argument, ...]:
        """How its arguments are written."""
        return signature(name, self.parameters.get(name))


SIGKILL = 9
SIGKILL_BIT = 1 << SIGKILL - 1


def is_being_killed(task: Any) -> bool:
    """Whether SIGKILL was sent to the process: it will not see the result of its call.

    Other fatal signals end a process by SIGKILL to its threads as well, but a tracer sees them come.
    """
    pending = task.pending.bits | task.signal.shared_pending.bits
    return bool(pending & SIGKILL_BIT) and task.signal.group_exit_code in (0, SIGKILL)


class Sink:
    """Base of the sinks. `groups` (see GROUPS) says which events it listens to."""

    def __init__(self, out: Writer, calls: CallTable, groups: tuple[str, ...] = DEFAULT_GROUPS) -> None:
        self.out = out
        self.calls = calls
        self.groups = groups
        self.tree = ProcessTree()
        """Every task of the run, for the summary at the end."""
        self.records: dict[Any, Record] = {}
        """Calls under way, by task (its ID may change meanwhile: execve by a thread)."""

    def hook(self, name: str) -> Callable[..., None] | None:
        """The method for tracepoint `name`, None if the user did not ask for it."""
        if name in STEPS:
            return StepHook(self, name) if "steps" in self.groups else None
        wanted = name in LIFE or any(name in GROUPS[group] for group in self.groups)
        return getattr(self, name, None) if wanted else None

    # --- calls
    def sys_enter(self, task: Any) -> None:
        """A call starts."""
        name = self.calls.name(task.syscall_nr)
        record = Record(task, name, task.syscall_args, task.system.clock.stamp())
        self._write_arguments(record, outputs=False)
        if name in NO_RETURN:
            self.call_never_ends(record)
            return
        self.records[task] = record
        self.call_begins(record)

    def sys_exit(self, task: Any, result: int) -> None:
        """A call ends."""
        record = self.records.pop(task, None)
        if record is None:
            return
        if is_being_killed(task):
            self.call_abandoned(record)
            return
        record.result = result
        record.failed = result < 0 and result > -4096
        self._write_arguments(record, outputs=True)
        self.call_ends(record)

    def _write_arguments(self, record: Record, outputs: bool) -> None:
        """Append the arguments that can be told now: before the call, those up to the first one filled in."""
        arguments = self.calls.arguments(record.name)
        for argument in arguments[record.entered :]:
            if argument.output and not outputs:
                return
            record.entered += 1
            record.position = argument.position
            text = argument.kind(record, record.args[argument.position])
            if text is not None:
                record.texts.append(text)

    # --- life and death
    def sched_process_fork(self, parent: Any, child: Any) -> None:
        """A task has a child."""
        self.tree.forked(parent, child)
        if "forks" in self.groups:
            self.forked(parent, child)

    def sched_process_exec(self, task: Any, filename: bytes, old_pid: int) -> None:
        """A new program runs."""
        self.tree.execed(task)
        if "execs" in self.groups:
            self.execed(task, filename, old_pid)

    def sched_process_exit(self, task: Any) -> None:
        """A task is gone, perhaps in the middle of a call."""
        self.tree.exited(task)
        record = self.records.pop(task, None)
        if record is not None:
            self.call_abandoned(record)
        if "exits" in self.groups:
            self.exited(task)

    # --- for subclasses
    def call_begins(self, record: Record) -> None:
        """`record.texts` holds the arguments that are given."""

    def call_ends(self, record: Record) -> None:
        """`record.texts` is complete and `record.result` is known."""

    def call_never_ends(self, record: Record) -> None:
        """exit, exit_group: the call starts and that is all."""

    def call_abandoned(self, record: Record) -> None:
        """The task dies in the middle of the call."""

    def forked(self, parent: Any, child: Any) -> None:
        """A task has a child."""

    def execed(self, task: Any, filename: bytes, old_pid: int) -> None:
        """A new program runs."""

    def exited(self, task: Any) -> None:
        """A task is gone."""

    def step(self, name: str, task: Any, fields: Fields) -> None:
        """A step of fork, exec, exit, wait or copy-on-write."""

    def close(self) -> None:
        """The run is over."""
        self.out.close()


class StepHook:
    """Hands one of the step events to a sink, with its name and data."""

    __slots__ = ("name", "sink")

    def __init__(self, sink: Sink, name: str) -> None:
        self.sink = sink
        self.name = name

    def __call__(self, *arguments: Any) -> None:
        """The event."""
        self.sink.step(self.name, *describe(self.name, arguments))
