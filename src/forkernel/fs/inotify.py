"""inotify: a queue of what happens to watched files (Linux: fs/notify/inotify/, inotify(7)).

Life cycle: an `InotifyFile` is an instance; `update_watch` puts an `InotifyMark` on an inode, or changes the one that
the instance has there; events go through `queue_event` to the end of the queue, unless they are equal to the last or
there are too many; `read` takes them off. A watch ends by `remove_watch`, with its file, or with the instance; in the
first two cases IN_IGNORED says so.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from forkernel.abi.errno import EAGAIN, EEXIST, EINVAL, EMFILE, ENOTTY
from forkernel.abi.fcntl import O_NONBLOCK, O_RDONLY
from forkernel.abi.inotify import (
    IN_ALL_EVENTS,
    IN_DELETE_SELF,
    IN_EXCL_UNLINK,
    IN_IGNORED,
    IN_ISDIR,
    IN_MASK_ADD,
    IN_MASK_CREATE,
    IN_MOVE_SELF,
    IN_ONESHOT,
    IN_Q_OVERFLOW,
    IN_UNMOUNT,
    INOTIFY_EVENT,
    UCOUNT_INOTIFY_INSTANCES,
    UCOUNT_INOTIFY_WATCHES,
)
from forkernel.abi.ioctl import FIONREAD
from forkernel.abi.poll import IN_MASK
from forkernel.errors import SysError
from forkernel.fs.file import File
from forkernel.fs.fsnotify import Mark, add_mark, detach_mark
from forkernel.fs.inode import Inode
from forkernel.wait import Sleep, WaitQueue

HEAD = INOTIFY_EVENT.size
WATCH_FLAGS = IN_EXCL_UNLINK | IN_ONESHOT


class Event(NamedTuple):
    """A queued event (Linux: inotify_event_info)."""

    wd: int
    mask: int
    cookie: int
    name: bytes

    @property
    def size(self) -> int:
        """Bytes that a reader gets: the name is padded to a multiple of the head's size."""
        return HEAD + (len(self.name) // HEAD + 1) * HEAD if self.name else HEAD

    def pack(self) -> bytes:
        """struct inotify_event and the name."""
        length = self.size - HEAD
        return INOTIFY_EVENT.pack(self.wd, self.mask, self.cookie, length) + self.name.ljust(length, b"\0")


class InotifyMark(Mark):
    """A watch (Linux: inotify_inode_mark)."""

    __slots__ = ("flags", "group", "wd")

    def __init__(self, group: InotifyFile, inode: Inode, wd: int, wanted: int) -> None:
        super().__init__(inode, 0)
        self.group = group
        self.wd = wd
        self.flags = 0
        """IN_EXCL_UNLINK and IN_ONESHOT."""
        self.set_wanted(wanted, False)

    def set_wanted(self, wanted: int, add: bool) -> None:
        """What the watch is for from now on, or in addition (IN_MASK_ADD)."""
        if not add:
            self.mask = self.flags = 0
        self.mask |= wanted & IN_ALL_EVENTS | IN_UNMOUNT
        self.flags |= wanted & WATCH_FLAGS

    def handle_event(self, mask: int, name: bytes, cookie: int, unlinked: bool) -> None:
        """Queue it (Linux: inotify_handle_inode_event)."""
        if unlinked and self.flags & IN_EXCL_UNLINK:
            return
        if mask & (IN_MOVE_SELF | IN_DELETE_SELF):
            mask &= ~IN_ISDIR
        self.group.queue_event(Event(self.wd, mask, cookie, name))
        if self.flags & IN_ONESHOT:
            self.group.remove_watch(self.wd)

    def freeing_mark(self) -> None:
        """Its file is gone."""
        self.group.forget(self)


class InotifyFile(File):
    """An inotify instance (Linux: fsnotify_group with inotify_data)."""

    object_kind, object_size = "fsnotify_group", 320

    __slots__ = ("events", "last_wd", "marks", "max_events", "owner", "ucounts", "wait")

    def __init__(self, task: Any, flags: int) -> None:
        """EMFILE when the user has as many instances as allowed."""
        vfs = task.system.vfs
        self.ucounts = task.system.ucounts
        self.owner = (task.cred.user_ns, task.cred.euid)
        try:
            self.ucounts.inc(*self.owner, UCOUNT_INOTIFY_INSTANCES)
        except SysError:
            raise SysError(EMFILE) from None
        inode = vfs.anon_inode()
        super().__init__(inode, O_RDONLY | flags & O_NONBLOCK, vfs.pseudo_path(inode, b"anon_inode:inotify"))
        self.events: deque[Event] = deque()
        self.max_events: int = vfs.inotify_max_queued_events
        self.marks: dict[int, InotifyMark] = {}
        """Watches by descriptor."""
        self.last_wd = 0
        self.wait = WaitQueue()

    # --- watches
    def update_watch(self, inode: Inode, wanted: int) -> int:
        """A watch descriptor for an inode: EEXIST with IN_MASK_CREATE, ENOSPC when the user has too many."""
        for wd, mark in self.marks.items():
            if mark.inode is inode:
                if wanted & IN_MASK_CREATE:
                    raise SysError(EEXIST)
                mark.set_wanted(wanted, bool(wanted & IN_MASK_ADD))
                return wd
        self.ucounts.inc(*self.owner, UCOUNT_INOTIFY_WATCHES)
        self.last_wd += 1
        mark = self.marks[self.last_wd] = InotifyMark(self, inode, self.last_wd, wanted)
        add_mark(mark)
        return self.last_wd

    def remove_watch(self, wd: int) -> None:
        """EINVAL for a descriptor of no watch."""
        mark = self.marks.get(wd)
        if mark is None:
            raise SysError(EINVAL)
        self.forget(mark)
        detach_mark(mark)

    def forget(self, mark: InotifyMark) -> None:
        """A watch ended; say so (Linux: inotify_ignored_and_remove_idr)."""
        if self.marks.pop(mark.wd, None) is not None:
            self.ucounts.dec(*self.owner, UCOUNT_INOTIFY_WATCHES)
            self.queue_event(Event(mark.wd, IN_IGNORED, 0, b""))

    # --- the queue
    def queue_event(self, event: Event) -> None:
        """At the end, unless the last is the same; one too many becomes IN_Q_OVERFLOW."""
        events = self.events
        if len(events) >= self.max_events:
            event = Event(-1, IN_Q_OVERFLOW, 0, b"")
            if len(events) > self.max_events:
                return
        elif events and event.mask != IN_IGNORED:
            last = events[-1]
            if last.mask == event.mask and last.wd == event.wd and last.name == event.name:
                return
        events.append(event)
        self.wait.wake_up()

    def read(self, task: Any, count: int) -> bytes:
        """As many whole events as fit; EINVAL when not even the first does."""
        events, parts = self.events, []
        if not events:
            if self.flags & O_NONBLOCK:
                raise SysError(EAGAIN)
            raise Sleep(self.wait)
        while events and events[0].size <= count:
            count -= events[0].size
            parts.append(events.popleft().pack())
        if not parts:
            raise SysError(EINVAL)
        return b"".join(parts)

    def unread(self, data: bytes) -> None:
        """Nothing is given back, as on Linux."""

    def seek(self, offset: int, whence: int) -> int:
        """Always 0 (Linux: noop_llseek)."""
        return 0

    def poll(self, task: Any) -> int:
        """Readable while there are events."""
        return IN_MASK if self.events else 0

    def poll_queues(self) -> tuple[WaitQueue, ...]:
        """Woken by each event."""
        return (self.wait,)

    def ioctl(self, task: Any, cmd: int, arg: int) -> int:
        """FIONREAD: bytes that a read would give."""
        if cmd != FIONREAD:
            raise SysError(ENOTTY)
        task.mm.write(arg, sum(event.size for event in self.events).to_bytes(4, "little"))
        return 0

    def release(self) -> None:
        """The instance is closed: its watches go."""
        for mark in list(self.marks.values()):
            detach_mark(mark)
            self.ucounts.dec(*self.owner, UCOUNT_INOTIFY_WATCHES)
        self.marks.clear()
        self.ucounts.dec(*self.owner, UCOUNT_INOTIFY_INSTANCES)
        super().release()

    def sleeps_in(self, call: str, *, writing: bool) -> tuple[str, ...]:
        """Where a read waits for events."""
        return ("wait_woken", "inotify_read")

    def fdinfo(self) -> bytes:
        """/proc/PID/fdinfo: a line for each watch, the latest first."""
        lines = []
        for mark in reversed(self.marks.values()):
            inode = mark.inode
            mask = mark.mask & IN_ALL_EVENTS | mark.flags
            lines.append(
                b"inotify wd:%x ino:%x sdev:%x mask:%x ignored_mask:0 \n" % (mark.wd, inode.ino, inode.sb.dev, mask)
            )
        return b"".join(lines)
