"""Tracepoints: places where the kernel tells what it is doing, free of charge while nobody listens.

A `Trace` has one attribute for each event, named as Linux names its tracepoints. It is None while the event
is off, else something to call. The kernel fires an event like this, and nothing more:

    if fire := system.trace.sched_switch:
        fire(prev, next)

A sink (see `forkernel.trace.strace`, `forkernel.trace.jsonl`) is any object with methods named after the
events it wants; `Trace.attach` connects it. Events are fired in kernel state that is consistent, and a
sink only looks: it changes nothing and raises nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Event = Callable[..., None] | None

EVENTS = (
    "sys_enter",
    "sys_exit",
    "signal_generate",
    "signal_deliver",
    "signal_stop",
    "signal_continue",
    "page_fault",
    "task_newtask",
    "task_rename",
    "sched_process_fork",
    "sched_process_exec",
    "sched_process_exit",
    "sched_process_wait",
    "sched_process_free",
    "sched_switch",
    "sched_wakeup",
    "sched_wakeup_new",
    "mark_victim",
)
"""Every event, with its arguments listed in the fields of `Trace`."""


class Trace:
    """The events of one kernel. All off at first."""

    __slots__ = (*EVENTS, "sinks")

    sys_enter: Event
    """(task): a call starts; task.syscall_nr and task.syscall_args are set. Once for each call: not again when
    it wakes from a sleep."""
    sys_exit: Event
    """(task, result): the call ends; `result` as the handler left it, restart codes (-512...) included. Also for
    execve in its new program (result 0). Not for calls that never return (exit)."""
    signal_generate: Event
    """(sig, info, task, group, result): a signal was sent; `result` is 0 for delivered to the pending set, 1 for
    ignored, 2 for already pending (Linux: TRACE_SIGNAL_*)."""
    signal_deliver: Event
    """(task, sig, info, action): a signal is taken from the pending set and acted upon."""
    signal_stop: Event
    """(task, sig): the thread enters a group stop because of `sig`."""
    signal_continue: Event
    """(task): the thread leaves a group stop."""
    page_fault: Event
    """(task, address, error_code, rip): a page fault of user mode, before it is handled."""
    task_newtask: Event
    """(task, clone_flags): copy_process made a task."""
    task_rename: Event
    """(task, comm): the name is about to change to `comm`."""
    sched_process_fork: Event
    """(parent, child): kernel_clone has a child, not yet runnable."""
    sched_process_exec: Event
    """(task, filename, old_pid): a new program is loaded; `old_pid` differs if another thread than the leader."""
    sched_process_exit: Event
    """(task): do_exit is done with the task's resources; task.exit_code is its wait status."""
    sched_process_wait: Event
    """(task, pid): a wait call looks for a child."""
    sched_process_free: Event
    """(task): release_task: the zombie is gone."""
    sched_switch: Event
    """(prev, next): the CPU changes hands; prev.state tells why."""
    sched_wakeup: Event
    """(task): a sleeping task becomes runnable."""
    sched_wakeup_new: Event
    """(task): a new task becomes runnable for the first time."""
    mark_victim: Event
    """(task): the OOM killer picked it."""

    def __init__(self) -> None:
        self.sinks: list[Any] = []
        for name in EVENTS:
            setattr(self, name, None)

    def attach(self, sink: Any) -> None:
        """Connect every event that `sink` has a method for; several sinks may listen to one event."""
        self.sinks.append(sink)
        self._connect()

    def detach(self, sink: Any) -> None:
        """Disconnect `sink`; ValueError if it is not attached."""
        self.sinks.remove(sink)
        self._connect()

    def close(self) -> None:
        """The run is over: let each sink write what it still holds, and detach all."""
        sinks, self.sinks = self.sinks, []
        self._connect()
        for sink in sinks:
            if finish := getattr(sink, "close", None):
                finish()

    def _connect(self) -> None:
        for name in EVENTS:
            hooks = [hook for sink in self.sinks if (hook := _hook(sink, name))]
            setattr(self, name, hooks[0] if len(hooks) == 1 else FanOut(hooks) if hooks else None)

    def __getstate__(self) -> dict[str, Any]:
        return {"sinks": self.sinks}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.sinks = state["sinks"]
        self._connect()


def _hook(sink: Any, name: str) -> Event:
    """The sink's method for an event. A sink with a method `hook` picks its events by that."""
    choose = getattr(sink, "hook", None)
    hook: Event = choose(name) if choose else getattr(sink, name, None)
    return hook


class FanOut:
    """Calls several hooks in turn."""

    __slots__ = ("hooks",)

    def __init__(self, hooks: list[Callable[..., None]]) -> None:
        self.hooks = hooks

    def __call__(self, *arguments: Any) -> None:
        """Fire the event at every sink."""
        for hook in self.hooks:
            hook(*arguments)
