"""Descriptors of a process, and with whom it shares the open files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.fcntl import O_CLOEXEC
from forkernel.views.view import Value, View, text_of

if TYPE_CHECKING:
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task


Holders = dict[int, list[int]]
"""The processes that have a descriptor for an open file, by its identity."""


def descriptors(task: Task, holders: Holders | None = None) -> View:
    """One row for each descriptor: how it is open, where it stands, what it is.

    `holders` saves time where the descriptors of many tasks are shown.
    """
    rows: list[list[Value]] = []
    notes: tuple[str, ...] = ()
    if task.files is not None:
        others = file_holders(task.system) if holders is None else holders
        for fd, file in sorted(task.files.fds.items()):
            access = ("r" if file.readable else "-") + ("w" if file.writable else "-")
            shared = " ".join(str(pid) for pid in others.get(id(file), ()) if pid != task.tgid)
            row: list[Value] = [
                fd,
                access,
                f"{file.flags & ~O_CLOEXEC:#o}",
                fd in task.files.cloexec,
                file.pos,
                file.refs,
            ]
            rows.append([*row, shared, what_is(task, file)])
        if task.files.users > 1:
            notes = (f"the table itself is shared by {task.files.users} tasks (CLONE_FILES)",)
    columns = (">FD", "MODE", ">FLAGS", "CLOEXEC", ">POS", ">REFS", "ALSO IN", "WHAT")
    return View(f"descriptors of {task.pid} ({text_of(task.comm)})", columns, rows, notes)


def file_holders(system: System) -> Holders:
    """Who has which open file."""
    found: Holders = {}
    for other in system.pids.processes():
        if other.files is None:
            continue
        for file in dict.fromkeys(other.files.fds.values()):
            found.setdefault(id(file), []).append(other.pid)
    return found


def what_is(task: Task, file: Any) -> str:
    """The file's name as /proc/PID/fd shows it."""
    path = file.path
    top = task.system.init_task.fs
    if path is None or top is None:
        return type(file).__name__
    return text_of(task.system.vfs.d_path(path, top.root))
