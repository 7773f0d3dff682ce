"""Directory notification by signals, the older way (Linux: fs/notify/dnotify/dnotify.c, fcntl(2) F_NOTIFY).

Life cycle: `fcntl_dirnotify` puts a `DnotifyMark` on a directory for an open file of it, or adds to the events that the
mark is for; the first of them, or with DN_MULTISHOT each, sends SIGIO, or the signal of F_SETSIG, to the file's owner.
`dnotify_flush` ends it, when no events are asked for or the descriptor is closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import ENOTDIR
from forkernel.abi.fcntl import (
    DN_ACCESS,
    DN_ATTRIB,
    DN_CREATE,
    DN_DELETE,
    DN_MODIFY,
    DN_MULTISHOT,
    DN_RENAME,
    F_OWNER_PID,
)
from forkernel.abi.inotify import (
    FS_RENAME,
    IN_ACCESS,
    IN_ATTRIB,
    IN_CREATE,
    IN_DELETE,
    IN_MODIFY,
    IN_MOVED_FROM,
    IN_MOVED_TO,
)
from forkernel.abi.stat import s_isdir
from forkernel.errors import SysError
from forkernel.fs.fasync import POLL_MSG, f_setown, owner_of, receivers, send_sigio_to_task
from forkernel.fs.fsnotify import Mark, add_mark, detach_mark, marks_of

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.kernel.task import Task

EVENTS = {
    DN_ACCESS: IN_ACCESS,
    DN_MODIFY: IN_MODIFY,
    DN_CREATE: IN_CREATE | IN_MOVED_TO,
    DN_DELETE: IN_DELETE | IN_MOVED_FROM,
    DN_RENAME: FS_RENAME,
    DN_ATTRIB: IN_ATTRIB,
}


class DnotifyMark(Mark):
    """What an open directory is told of (Linux: dnotify_struct)."""

    __slots__ = ("fd", "file", "files", "multishot")

    def __init__(self, file: File, files: Any, fd: int) -> None:
        super().__init__(file.inode, 0)
        self.file = file
        self.files = files
        """The descriptor table it was asked for in."""
        self.fd = fd
        self.multishot = False

    def handle_event(self, mask: int, name: bytes, cookie: int, unlinked: bool) -> None:
        """Send the signal (Linux: dnotify_handle_event)."""
        owner = owner_of(self.file)
        if owner.pid is not None:
            owner.fd = self.fd
            for task, group in receivers(owner):
                send_sigio_to_task(owner, task, group, POLL_MSG)
        if not self.multishot:
            detach_mark(self)

    def freeing_mark(self) -> None:
        """The directory is gone."""


def fcntl_dirnotify(task: Task, file: File, fd: int, arg: int) -> None:
    """F_NOTIFY; ENOTDIR. No events end it."""
    if not arg & ~DN_MULTISHOT:
        dnotify_flush(file, task.files)
        return
    if file.inode is None or not s_isdir(file.inode.mode):
        raise SysError(ENOTDIR)
    wanted = 0
    for bit, events in EVENTS.items():
        if arg & bit:
            wanted |= events
    if owner_of(file).pid is None:
        leader = task.group_leader.thread_pid
        f_setown(task, file, F_OWNER_PID, leader.nr_ns(task.thread_pid.ns))
    mark = next(iter(dnotify_marks(file, task.files)), None)
    if mark is None:
        mark = DnotifyMark(file, task.files, fd)
        add_mark(mark)
    mark.mask |= wanted
    mark.fd = fd
    mark.multishot |= bool(arg & DN_MULTISHOT)


def dnotify_marks(file: File, files: Any) -> list[DnotifyMark]:
    """The marks of an open directory; of one table, or with None of all."""
    return [
        mark
        for mark in marks_of(file.inode)
        if isinstance(mark, DnotifyMark) and mark.file is file and files in (None, mark.files)
    ]


def dnotify_flush(file: File, files: Any) -> None:
    """A descriptor of the directory is closed in that table, or (None) the last one anywhere."""
    if file.inode is not None:
        for mark in dnotify_marks(file, files):
            detach_mark(mark)
