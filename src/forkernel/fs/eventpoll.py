"""epoll: a set of files to wait for (Linux: fs/eventpoll.c, epoll(7)).

Life cycle: `EventPollFile.control` adds, changes and drops an `EpItem` for a (descriptor, open file) pair.
The item stays parked on the file's wait queues for as long as it lives; a wake-up puts it on the ready
list and wakes who waits for the set. `send_events` takes from the ready list what is truly ready: edge
triggered items leave the list, level triggered ones go to its end, one-shot ones are disabled.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

from forkernel.abi.errno import EEXIST, EINVAL, ELOOP, ENOENT, EPERM
from forkernel.abi.fcntl import O_RDWR
from forkernel.abi.poll import (
    EPOLL_CTL_ADD,
    EPOLL_CTL_DEL,
    EPOLL_CTL_MOD,
    EPOLLERR,
    EPOLLET,
    EPOLLEXCLUSIVE,
    EPOLLHUP,
    EPOLLIN,
    EPOLLONESHOT,
    EPOLLOUT,
    EPOLLWAKEUP,
    IN_MASK,
)
from forkernel.errors import SysError
from forkernel.fs.anon import anon_inode
from forkernel.fs.file import File
from forkernel.fs.inode import Inode, global_caps
from forkernel.wait import KeyedQueue, LifoQueue, WaitQueue

EP_MAX_NESTS = 4
EPITEM_SIZE = 128 + 72  # struct epitem and struct eppoll_entry
EPIOCSPARAMS, EPIOCGPARAMS = 0x40088A01, 0x80088A02
EPOLL_PARAMS = struct.Struct("<IHBB")
"""struct epoll_params."""
NAPI_POLL_WEIGHT = 64
CAP_NET_ADMIN = 1 << 12
EP_PRIVATE_BITS = EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE
EXCLUSIVE_OK_BITS = EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE


class EpItem:
    """One watched file (Linux: epitem). A `Waiter` that stays on the file's queues until it is removed."""

    __slots__ = ("data", "ep", "events", "fd", "file", "queues", "taken_seq")

    def __init__(self, ep: EventPollFile, fd: int, file: File, events: int, data: int) -> None:
        self.ep = ep
        self.fd = fd
        self.file = file
        self.events = events
        """Mask asked for; only private bits are left once a one-shot item has fired."""
        self.data = data
        self.queues: tuple[WaitQueue, ...] = ()
        self.taken_seq = -1
        """For EPOLLEXCLUSIVE: the wake-up of the queue that this item used up."""

    def attach(self) -> None:
        """Park on the queues of the file."""
        self.queues = self.file.poll_queues()
        for queue in self.queues:
            if self.events & EPOLLEXCLUSIVE:
                queue.waiters[self] = None
            else:  # the latest is told first, and before those of whom only one is woken
                queue.waiters = {self: None, **queue.waiters}

    def detach(self) -> None:
        """Leave the file's queues and the ready list."""
        for queue in self.queues:
            queue.waiters.pop(self, None)
        self.queues = ()
        self.ep.ready.pop(self, None)

    def poll(self, task: Any) -> int:
        """What of the wanted events is there now."""
        return self.file.poll(task) & self.events

    def wake_from(self, queue: WaitQueue) -> None:
        """The file may have become ready (Linux: ep_poll_callback)."""
        if not self.events & ~EP_PRIVATE_BITS:
            return
        key = queue.key if isinstance(queue, KeyedQueue) else 0
        if (key and not key & self.events) or (self.file.wakes_when_ready and not self.poll(None)):
            return  # about an event that nobody asked for: no place on the ready list
        if self.events & EPOLLEXCLUSIVE:
            if self._used_up(queue):
                return
            if self.ep.wait.waiters:
                self.taken_seq = queue.seq
        self.ep.make_ready(self)

    def _used_up(self, queue: WaitQueue) -> bool:
        """Whether another exclusive item took this very wake-up of `queue`."""
        return any(isinstance(other, EpItem) and other.taken_seq == queue.seq for other in queue.waiters)


class EventPollFile(File):
    """An open epoll set (Linux: eventpoll)."""

    object_kind, object_size = "eventpoll", 192

    __slots__ = ("items", "params", "poll_wait", "ready", "wait")

    def __init__(self, inode: Inode, flags: int, path: Any = None) -> None:
        super().__init__(inode, flags, path)
        self.items: dict[tuple[int, File], EpItem] = {}
        """By descriptor and open file, in order of adding."""
        self.ready: dict[EpItem, None] = {}
        """Items to look at, in order of their becoming ready (Linux: rdllist)."""
        self.wait = LifoQueue()
        """Tasks in epoll_wait."""
        self.poll_wait = KeyedQueue(EPOLLIN)
        """Those who poll the set itself."""
        self.params = (0, 0, 0)
        """EPIOCSPARAMS: microseconds, budget, whether to prefer busy polling."""

    # --- epoll_ctl
    def control(self, task: Any, op: int, fd: int, file: File, events: int, data: int) -> None:
        """epoll_ctl on `file`; EPERM, EINVAL, ELOOP, EEXIST, ENOENT as epoll_ctl(2) lists them."""
        if not file.can_poll():
            raise SysError(EPERM)
        if file is self:
            raise SysError(EINVAL)
        if op != EPOLL_CTL_DEL and events & EPOLLEXCLUSIVE:
            nested = isinstance(file, EventPollFile)
            if op == EPOLL_CTL_MOD or (op == EPOLL_CTL_ADD and (nested or events & ~EXCLUSIVE_OK_BITS)):
                raise SysError(EINVAL)
        if op == EPOLL_CTL_ADD and isinstance(file, EventPollFile):
            self._check_loop(file)
        item = self.items.get((fd, file))
        if op == EPOLL_CTL_ADD:
            self._insert(task, item, fd, file, events, data)
        elif op in (EPOLL_CTL_DEL, EPOLL_CTL_MOD) and item is None:
            raise SysError(ENOENT)
        elif op == EPOLL_CTL_DEL and item is not None:
            self.remove(item)
        elif op == EPOLL_CTL_MOD and item is not None and not item.events & EPOLLEXCLUSIVE:
            item.events, item.data = events | EPOLLERR | EPOLLHUP, data
            if item not in self.ready and item.poll(task):
                self.make_ready(item)
        else:
            raise SysError(EINVAL)

    def _insert(self, task: Any, old: EpItem | None, fd: int, file: File, events: int, data: int) -> None:
        """EPOLL_CTL_ADD (Linux: ep_insert)."""
        if old is not None:
            raise SysError(EEXIST)
        self.inode.sb.kmalloc.charge("eventpoll_epi", EPITEM_SIZE)
        item = EpItem(self, fd, file, events | EPOLLERR | EPOLLHUP, data)
        self.items[fd, file] = item
        if file.ep_links is None:
            file.ep_links = {}
        file.ep_links[item] = None
        item.attach()
        if item.poll(task):
            self.make_ready(item)

    def remove(self, item: EpItem) -> None:
        """Forget an item (Linux: ep_remove)."""
        item.detach()
        del self.items[item.fd, item.file]
        del item.file.ep_links[item]
        self.inode.sb.kmalloc.uncharge("eventpoll_epi", EPITEM_SIZE)

    def _check_loop(self, inner: EventPollFile) -> None:
        """ELOOP when `inner` watches this set, or sets would be nested more than five deep."""
        if _reaches(inner, self) or _height(inner) + _depth(self) > EP_MAX_NESTS - 1:
            raise SysError(ELOOP)

    def make_ready(self, item: EpItem) -> None:
        """Put an item on the ready list and wake who waits."""
        self.ready[item] = None
        if self.wait.waiters:
            self.wait.wake_up(1)
        if self.poll_wait.waiters:
            self.poll_wait.wake_up()

    # --- epoll_wait
    def send_events(self, task: Any, maxevents: int) -> list[tuple[int, int]]:
        """Up to `maxevents` pairs of (events, data) that are ready now (Linux: ep_send_events)."""
        found: list[tuple[int, int]] = []
        for item in list(self.ready):
            if len(found) == maxevents:
                break
            del self.ready[item]
            revents = item.poll(task)
            if not revents:
                continue
            found.append((revents, item.data))
            if item.events & EPOLLONESHOT:
                item.events &= EP_PRIVATE_BITS
            elif not item.events & EPOLLET:
                self.ready[item] = None
        if self.ready and self.wait.waiters:
            self.wait.wake_up(1)
        return found

    # --- as a file
    def poll(self, task: Any) -> int:
        """Readable when an item is ready."""
        for item in list(self.ready):
            if item.poll(task):
                return IN_MASK
            del self.ready[item]
        return 0

    def poll_queues(self) -> tuple[WaitQueue, ...]:
        """Woken when an item becomes ready."""
        return (self.poll_wait,)

    def release(self) -> None:
        """The set is gone: its items leave the files they watch."""
        for item in list(self.items.values()):
            self.remove(item)
        super().release()

    def seek(self, offset: int, whence: int) -> int:
        """Always 0 (Linux: noop_llseek)."""
        return 0

    def ioctl(self, task: Any, cmd: int, arg: int) -> int:
        """EPIOCSPARAMS and EPIOCGPARAMS: how long to poll a network card busily, noted though there is none; EINVAL."""
        if cmd == EPIOCGPARAMS:
            task.mm.write(arg, EPOLL_PARAMS.pack(*self.params, 0))
            return 0
        if cmd != EPIOCSPARAMS:
            raise SysError(EINVAL)
        usecs, budget, prefer, pad = EPOLL_PARAMS.unpack(task.mm.read(arg, EPOLL_PARAMS.size))
        if pad or usecs >= 1 << 31 or prefer > 1:
            raise SysError(EINVAL)
        if budget > NAPI_POLL_WEIGHT and not global_caps(task.cred) & CAP_NET_ADMIN:
            raise SysError(EPERM)
        self.params = (usecs, budget, prefer)
        return 0

    def fdinfo(self) -> bytes:
        """/proc/PID/fdinfo: a line for each item."""
        lines = []
        for item in self.items.values():
            inode = item.file.inode
            lines.append(
                b"tfd: %8d events: %8x data: %16x  pos:%d ino:%x sdev:%x\n"
                % (item.fd, item.events, item.data, item.file.pos, inode.ino, inode.sb.dev)
            )
        return b"".join(lines)


def eventpoll_file(task: Any) -> EventPollFile:
    """A new, empty set."""
    inode, path = anon_inode(task.system.vfs, b"eventpoll")
    return EventPollFile(inode, O_RDWR, path)


def eventpoll_release(file: File) -> None:
    """The last reference to a watched file goes: drop it from every set (Linux: eventpoll_release_file)."""
    for item in list(file.ep_links or ()):
        item.ep.remove(item)


def _inner(ep: EventPollFile) -> list[EventPollFile]:
    """The sets that a set watches."""
    return [item.file for item in ep.items.values() if isinstance(item.file, EventPollFile)]


def _reaches(start: EventPollFile, target: EventPollFile) -> bool:
    """Whether `target` is `start` or watched by it, directly or through other sets."""
    return any(target in level for level in _levels(start, _inner))


def _height(ep: EventPollFile) -> int:
    """Levels of sets below a set."""
    return sum(1 for _ in _levels(ep, _inner)) - 1


def _depth(ep: EventPollFile) -> int:
    """Levels of sets above a set."""
    return sum(1 for _ in _levels(ep, _outer)) - 1


def _outer(ep: EventPollFile) -> list[EventPollFile]:
    """The sets that watch a set."""
    return [item.ep for item in ep.ep_links or ()]


def _levels(
    start: EventPollFile, step: Callable[[EventPollFile], list[EventPollFile]]
) -> Iterator[dict[EventPollFile, None]]:
    """The set, those one step away, those two, ...: each level once through, however many ways lead to a set."""
    level = {start: None}
    while level:
        yield level
        level = dict.fromkeys(other for ep in level for other in step(ep))
