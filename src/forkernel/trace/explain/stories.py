"""What is known of one thing that happened: numbers and names taken at the moment, no objects of the kernel.

Times are CLOCK_MONOTONIC in nanoseconds of virtual time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

KINDS = ("fork", "vfork", "clone", "thread", "kthread", "exec", "exit", "wait", "cow")
"""What `--only` chooses from."""


class Who(NamedTuple):
    """A task as it was called at the moment."""

    pid: int
    comm: str
    tgid: int
    """PID of its process; another number for a thread that is not the leader."""


class Step(NamedTuple):
    """One tracepoint that fired: `variant` tells apart the ways it may go (shared, copied)."""

    name: str
    when: int
    variant: str
    values: dict[str, Any]
    """Numbers and strings for the sentence; a count has the name of its noun (`catalogue.COUNTS`)."""


class Woken(NamedTuple):
    """A task that was made runnable, and the call it had slept in (empty: not in a call)."""

    who: Who
    call: str


class Memory(NamedTuple):
    """An address space: `pages` are in RAM, `tables` are page tables below the top one, `users` are tasks."""

    areas: int
    pages: int
    tables: int
    users: int


@dataclass(slots=True)
class Story:
    """One thing that a task did, from `began` to `ended`."""

    kind: str
    who: Who
    began: int
    ended: int = 0
    steps: list[Step] = field(default_factory=list)
    woken: list[Woken] = field(default_factory=list)

    def pids(self) -> set[int]:
        """Everybody it is about, for `--pid`."""
        return {self.who.pid, self.who.tgid}

    def find(self, name: str) -> Step | None:
        """The first step of this name."""
        for step in self.steps:
            if step.name == name:
                return step
        return None


@dataclass(slots=True)
class CloneStory(Story):
    """fork, vfork, clone or clone3, or a kernel thread. `kind` is by what the flags ask for, not by the call."""

    call: str = ""
    """Name of the system call; empty for the kernel itself."""
    flags: int = 0
    exit_signal: int = 0
    child: Who | None = None
    parent: int = 0
    """The child's parent: with CLONE_PARENT not the caller."""
    pgrp: int = 0
    session: int = 0
    inner: tuple[int, ...] = ()
    """Its numbers in PID namespaces below the machine's."""
    errno: int = 0
    failed_after: str = ""
    """The last step that succeeded before it failed."""
    sleeps: bool = False
    """The caller goes to sleep now: vfork."""

    def pids(self) -> set[int]:
        """The caller and the child."""
        found = {self.who.pid, self.who.tgid}
        if self.child is not None:
            found |= {self.child.pid, self.child.tgid}
        return found


@dataclass(slots=True)
class VforkReturnStory(Story):
    """A parent in vfork goes on; `began` is when it fell asleep."""

    child: int = 0
    reason: str = ""
    """What the child did: "exec", "exit", or empty when the parent is being killed."""

    def pids(self) -> set[int]:
        """Parent and child."""
        return {self.who.pid, self.who.tgid, self.child}


@dataclass(slots=True)
class ExecStory(Story):
    """execve: one program takes the place of another."""

    call: str = ""
    filename: str = ""
    comm: str = ""
    """The new name."""
    old: Memory | None = None
    new: Memory | None = None
    descriptors: int = 0
    """Those open when the new program starts."""
    old_pid: int = 0
    """The number it had before: another than now for a thread that was not the leader."""
    errno: int = 0
    missed: list[str] = field(default_factory=list)
    """Places where it was looked for before, one execve each, as along PATH."""
    fatal: bool = False
    """It failed after the point of no return: the process dies."""
    first: bool = False
    """A kernel thread calls it: there is no old program."""
    done: bool = False


@dataclass(slots=True)
class ExitStory(Story):
    """The end of a task."""

    code: int = 0
    """Wait status."""
    call: str = ""
    """exit or exit_group, or empty: a signal, or another thread, ended it."""
    thread: bool = False
    """A thread that leaves a living process."""
    parent: Who | None = None
    signal: int = 0
    """What the parent was sent."""
    signal_ignored: bool = False
    orphans: list[tuple[int, Who]] = field(default_factory=list)
    """Children and who has them now."""
    zombie: bool = False
    released: list[int] = field(default_factory=list)
    """PIDs given back in the course of it."""
    memory: Memory | None = None

    def pids(self) -> set[int]:
        """The task, and the children it leaves."""
        return {self.who.pid, self.who.tgid, *(child for child, _ in self.orphans)}


class Considered(NamedTuple):
    """A child that a wait call looked at."""

    pid: int
    comm: str
    verdict: str


@dataclass(slots=True)
class WaitStory(Story):
    """wait4 or waitid."""

    call: str = ""
    target: str = "any"
    """Whom it is about: "any", "pid", "group", "pidfd"."""
    number: int = 0
    options: int = 0
    sleeps: list[tuple[int, int]] = field(default_factory=list)
    """(from, to) for each time it slept; to is 0 while it sleeps."""
    considered: list[Considered] = field(default_factory=list)
    """Children it looked at the last time."""
    found: Considered | None = None
    """The zombie it took."""
    status: int = 0
    reaped: bool = False
    result: int | None = None
    """None: it never came back, killed in it or asleep to the end of the run."""

    def pids(self) -> set[int]:
        """The waiter and the child found."""
        return {self.who.pid, self.who.tgid} | ({self.found.pid} if self.found else set())


class Fault(NamedTuple):
    """A write to a page that was write-protected."""

    when: int
    page: int
    """Its address."""
    area: str
    how: str
    """"copied" (others use the old frame), "file" (it was a page of a file's cache), "zero" (it was the page of
    zeros), "reused" (nobody else had it)."""
    old: int
    new: int
    others: tuple[int, ...]
    """Processes that have the old frame at the same address."""


class Unshared(NamedTuple):
    """A page table that a process got for itself."""

    when: int
    level: int
    """1: its entries are pages; 3: below the top."""
    address: int
    old: int
    new: int


@dataclass(slots=True)
class CowStory(Story):
    """Copy-on-write in one process since the last thing it did."""

    faults: list[Fault] = field(default_factory=list)
    tables: list[Unshared] = field(default_factory=list)
