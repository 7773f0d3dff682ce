"""Process numbers (Linux: kernel/pid.c): allocation that goes round, and who uses a number for what.

A number stays taken while any task has it as PID, process group or session. `alloc_pid` takes the next
free one after the last; past `pid_max` it starts again above the first 300, which are left to the system.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from forkernel.abi.errno import EAGAIN
from forkernel.errors import KernelBug, SysError

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

RESERVED_PIDS = 300
PID_MAX_DEFAULT = 0x8000
PID_MAX_LIMIT = 4 * 1024 * 1024


class Pid:
    """One number in use (Linux: struct pid). Group and session lists hold thread-group leaders."""

    __slots__ = ("pgrp", "session", "task")

    def __init__(self) -> None:
        self.task: Task | None = None
        self.pgrp: dict[Task, None] = {}
        self.session: dict[Task, None] = {}

    def in_use(self) -> bool:
        """Whether any reference is left."""
        return self.task is not None or bool(self.pgrp) or bool(self.session)


class PidTable:
    """All numbers of a machine. `pid_max`: one above the largest number handed out."""

    __slots__ = ("last", "numbers", "pid_max", "tasks")

    def __init__(self) -> None:
        self.numbers: dict[int, Pid] = {}
        self.tasks: dict[Task, None] = {}
        """Every task but process 0, in order of creation."""
        self.last = 0
        self.pid_max = PID_MAX_DEFAULT

    # --- allocation

    def alloc_pid(self) -> int:
        """The next free number; SysError(EAGAIN) when all are taken."""
        numbers = self.numbers
        number = self.last + 1
        if number >= self.pid_max:
            number = RESERVED_PIDS
        while number in numbers and number < self.pid_max:
            number += 1
        if number >= self.pid_max:
            number = self._wrapped()
        self.last = number
        numbers[number] = Pid()
        return number

    def _wrapped(self) -> int:
        for number in range(RESERVED_PIDS if self.last >= RESERVED_PIDS else 1, self.pid_max):
            if number not in self.numbers:
                return number
        raise SysError(EAGAIN)

    def reserve(self, number: int) -> None:
        """Take this very number (clone3's set_tid); the caller has checked that it is free."""
        self.numbers[number] = Pid()

    def free_pid(self, number: int) -> None:
        """Give back a number that no task ever got."""
        self._drop(number)

    def _drop(self, number: int) -> None:
        pid = self.numbers.get(number)
        if pid is not None and not pid.in_use():
            del self.numbers[number]

    # --- attaching

    def attach(self, task: Task) -> None:
        """The task is visible now: by its PID and, if it leads a process, in its group and session."""
        self.numbers[task.pid].task = task
        self.tasks[task] = None
        if task.is_leader:
            signal = task.signal
            self._entry(signal.pgrp).pgrp[task] = None
            self._entry(signal.session).session[task] = None

    def _entry(self, number: int) -> Pid:
        pid = self.numbers.get(number)
        if pid is None:
            pid = self.numbers[number] = Pid()
        return pid

    def detach(self, task: Task) -> None:
        """release_task: the task is gone; its numbers are free if nobody else uses them."""
        pid = self.numbers.get(task.pid)
        if pid is None or pid.task is not task:
            if task in self.tasks:
                raise KernelBug(f"{task!r} does not own its PID")
            return
        pid.task = None
        del self.tasks[task]
        signal = task.signal
        for number in (signal.pgrp, signal.session):
            entry = self.numbers.get(number)
            if entry is not None:
                entry.pgrp.pop(task, None)
                entry.session.pop(task, None)
                self._drop(number)
        self._drop(task.pid)

    def change_pgrp(self, leader: Task, pgid: int) -> None:
        """Move a process to group `pgid` (setpgid, setsid)."""
        old = leader.signal.pgrp
        self._entry(old).pgrp.pop(leader, None)
        leader.signal.pgrp = pgid
        self._entry(pgid).pgrp[leader] = None
        self._drop(old)

    def change_session(self, leader: Task, sid: int) -> None:
        """Move a process to session `sid` (setsid)."""
        old = leader.signal.session
        self._entry(old).session.pop(leader, None)
        leader.signal.session = sid
        self._entry(sid).session[leader] = None
        self._drop(old)

    def exchange_tids(self, task: Task, leader: Task) -> None:
        """execve by a thread: it gets the leader's number, and the leader the thread's."""
        task.pid, leader.pid = leader.pid, task.pid
        self.numbers[task.pid].task = task
        self.numbers[leader.pid].task = leader
        for number in (task.signal.pgrp, task.signal.session):
            entry = self._entry(number)
            for members in (entry.pgrp, entry.session):
                if leader in members:
                    order = [task if member is leader else member for member in members]
                    members.clear()
                    members.update(dict.fromkeys(order))

    # --- looking up

    def find(self, number: int) -> Task | None:
        """The task with this PID, a zombie included."""
        pid = self.numbers.get(number)
        return pid.task if pid is not None else None

    def pgrp(self, pgid: int) -> list[Task]:
        """Leaders of the processes in a group."""
        pid = self.numbers.get(pgid)
        return list(pid.pgrp) if pid is not None else []

    def session(self, sid: int) -> list[Task]:
        """Leaders of the processes in a session."""
        pid = self.numbers.get(sid)
        return list(pid.session) if pid is not None else []

    def processes(self) -> Iterator[Task]:
        """All thread-group leaders, zombies included, in order of creation."""
        return (task for task in list(self.tasks) if task.is_leader)
