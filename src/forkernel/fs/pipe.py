"""Pipes and FIFOs (Linux: fs/pipe.c, pipe(7), fifo(7)).

Life cycle: `create_pipe_files` makes a `PipeInodeInfo` with two `PipeFile` ends, or `fifo_open` joins the
one of a FIFO's inode, sleeping until the other end comes; `PipeFile.read` and `.write` move bytes through
slots of at most a page; `PipeFile.release` counts an end down, and the last one frees the pipe.

A pipe holds `max_usage` slots, as Linux's ring holds page buffers: a write is added to the last slot if
it fits there as a whole, else it takes new slots. So a write of up to PIPE_BUF bytes is never split, and
a pipe of 65,536 bytes takes 16 writes of 4,095.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from forkernel.abi.errno import EAGAIN, EBADF, EBUSY, EINVAL, ENOTTY, ENXIO, EPERM, EPIPE, ERESTARTSYS
from forkernel.abi.fcntl import FASYNC, O_ACCMODE, O_CLOEXEC, O_DIRECT, O_NONBLOCK, O_RDONLY, O_WRONLY
from forkernel.abi.ioctl import FIONREAD
from forkernel.abi.poll import IN_MASK, OUT_MASK, POLLERR, POLLHUP
from forkernel.abi.stat import S_IFIFO
from forkernel.errors import SysError
from forkernel.fs.anon import internal_sb
from forkernel.fs.fdtable import fd_install
from forkernel.fs.file import File
from forkernel.fs.inode import Inode, Pool
from forkernel.wait import KeyedQueue, Resume, Sleep, WaitQueue

PAGE_SIZE = 4096
PIPE_BUF = 4096
PIPE_DEF_BUFFERS = 16
PIPE_BUFFER = 40
PIPE_SIZE = 192 + PIPE_DEF_BUFFERS * PIPE_BUFFER + 640 + 192 + PAGE_SIZE
"""Bytes of kernel memory: struct pipe_inode_info, its ring of pipe_buffers, inode, dentry and one page."""
PIPE_MAX_SIZE = 1 << 20
"""/proc/sys/fs/pipe-max-size at boot: what a task without CAP_SYS_RESOURCE may ask for."""
PIPE_SIZE_MOST = 1 << 31
"""What anybody may."""
SIGPIPE = 13


class Packet(bytes):
    """A slot written in packet mode (O_DIRECT): one read takes it whole and drops what it has no room for."""

    __slots__ = ()


class PageSlot(bytes):
    """A slot whose page belongs to somebody else too (a file, another pipe, user memory): nothing is added to it."""

    __slots__ = ()


class PipeInodeInfo:
    """The pipe itself (Linux: pipe_inode_info).

    `bufs` are the slots, oldest first, never empty ones. `tail_end` is where the last slot's bytes end in
    its page: what a reader takes from the front of a page does not make room at its end.
    """

    __slots__ = (
        "bufs", "fasync", "kmalloc", "max_usage", "pages", "r_counter", "rd_wait", "readers", "rest", "rest_start",
        "tail_end", "w_counter", "wr_wait", "writers",
    )  # fmt: skip

    def __init__(self, kmalloc: Pool, readers: int = 0, writers: int = 0) -> None:
        """SysError(ENOMEM)."""
        kmalloc.charge("pipe_inode_info", PIPE_SIZE)
        self.kmalloc = kmalloc
        self.pages = 1
        """Pages of memory that are counted for what it holds: at least as many as there are slots in use."""
        self.bufs: deque[bytes] = deque()
        self.tail_end = 0
        self.rest: bytes | None = None
        """What splice left of the first slot when it took a part, and"""
        self.rest_start = 0
        """where in its page that begins."""
        self.max_usage = PIPE_DEF_BUFFERS
        self.readers = readers
        self.writers = writers
        self.r_counter = readers
        """Times the pipe was opened for reading, for those who wait for a partner."""
        self.w_counter = writers
        self.fasync: dict[PipeFile, None] | None = None
        """Ends that have O_ASYNC set; None: no end has."""
        self.rd_wait = KeyedQueue(IN_MASK)
        """Readers, and pollers of the reading end."""
        self.wr_wait = KeyedQueue(OUT_MASK)

    def pull(self, count: int) -> bytes:
        """Take up to `count` bytes off the front; b"" when the pipe is empty."""
        bufs = self.bufs
        if not bufs:
            return b""
        was_full = len(bufs) >= self.max_usage
        first = bufs[0]
        size = len(first)
        if size <= count and (len(bufs) == 1 or size == count):
            data = bufs.popleft()
        elif size > count and type(first) is bytes:
            bufs[0] = first[count:]
            return first[:count]
        else:
            data = self._gather(count)
        if self.pages > 1 and not bufs:
            self._give_back()
        if was_full and len(bufs) < self.max_usage and self.wr_wait.waiters:
            self.wr_wait.wake_up()
        return data if type(data) is bytes else bytes(data)

    def _gather(self, count: int) -> bytes:
        """Slots from the front until `count` bytes, or the end of a packet."""
        bufs, parts = self.bufs, []
        while bufs and count:
            chunk = bufs[0]
            packet = type(chunk) is Packet
            if len(chunk) > count and not packet:
                parts.append(chunk[:count])
                bufs[0] = chunk[count:]
                break
            bufs.popleft()
            parts.append(chunk[:count])
            count -= len(chunk)
            if packet:
                break
        return b"".join(parts)

    def take_slot(self, count: int) -> tuple[bytes, int]:
        """Take the oldest slot, or `count` bytes of it if it is longer, and wake writers; also where in its page a
        slot taken whole ends, PAGE_SIZE for a part, to which nothing can be added.
        """
        bufs, slot = self.bufs, self.bufs[0]
        start = self.rest_start if slot is self.rest else 0
        if len(slot) > count:
            kind = type(slot)
            self.rest = bufs[0] = kind(slot[count:])
            self.rest_start = start + count
            return (Packet if kind is Packet else PageSlot)(slot[:count]), PAGE_SIZE
        end = start + len(slot) if len(bufs) > 1 else self.tail_end
        bufs.popleft()
        if self.pages > 1 and not bufs:
            self._give_back()
        self.wr_wait.wake_up()
        return slot, end

    def add_slot(self, slot: bytes, end: int) -> None:
        """Append a slot that ends at `end` of its page (PAGE_SIZE: nothing can be added). Wakes nobody; ENOMEM."""
        if len(self.bufs) >= self.pages:
            self._take_page(short=False)
        self.bufs.append(slot)
        self.tail_end = end

    def unread(self, data: bytes) -> None:
        """Put back at the front what a reader could not use (its buffer was a bad address)."""
        if not self.bufs:
            self.tail_end = PAGE_SIZE
        self.bufs.appendleft(data)

    def push(self, data: bytes, packet: bool = False) -> int:
        """Append what fits and wake readers; the number of bytes taken, 0 when the pipe is full."""
        bufs = self.bufs
        size, done = len(data), 0
        if bufs and type(bufs[-1]) is bytes:
            head = size % PAGE_SIZE
            if head and self.tail_end + head <= PAGE_SIZE:
                bufs[-1] += data if head == size else data[:head]
                if self.rest is not None and len(bufs) == 1:
                    self.rest = bufs[-1]
                self.tail_end += head
                done = head
        if done < size:
            done = self._fill(data, done, packet)
        if done and self.rd_wait.waiters:
            self.rd_wait.wake_up()
        return done

    def _fill(self, data: bytes, done: int, packet: bool) -> int:
        """Put `data` from `done` on into new slots, as far as there are any; the new `done`."""
        bufs, size = self.bufs, len(data)
        while done < size and len(bufs) < self.max_usage:
            if len(bufs) >= self.pages and not self._take_page(short=bool(done)):
                break
            chunk = data if not done and size <= PAGE_SIZE else data[done : done + PAGE_SIZE]
            bufs.append(Packet(chunk) if packet else chunk)
            done += len(chunk)
            self.tail_end = len(chunk)
        return done

    def _take_page(self, *, short: bool) -> bool:
        """One more page; ENOMEM, or False where a short write can be told of instead."""
        try:
            self.kmalloc.charge("pipe pages", PAGE_SIZE)
        except SysError:
            if short:
                return False
            raise
        self.pages += 1
        return True

    def _give_back(self) -> None:
        """Keep one page: it is empty."""
        self.kmalloc.uncharge("pipe pages", (self.pages - 1) * PAGE_SIZE)
        self.pages = 1

    def free(self) -> None:
        """The last end is gone."""
        self._give_back()
        self.kmalloc.uncharge("pipe_inode_info", PIPE_SIZE + (self.max_usage - PIPE_DEF_BUFFERS) * PIPE_BUFFER)

    def wake_all(self) -> None:
        """An end came or went: everybody looks again."""
        self.rd_wait.wake_up_any()
        self.wr_wait.wake_up_any()

    def tell(self, *, writers: bool) -> None:
        """SIGIO for the owners of ends with O_ASYNC: writers may write, or readers read."""
        from forkernel.fs.fasync import POLL_IN, POLL_OUT, kill_fasync

        for file in list(self.fasync or ()):
            if file.writable if writers else file.readable:
                kill_fasync(file, POLL_OUT if writers else POLL_IN)

    def set_size(self, size: int, most: int) -> int:
        """F_SETPIPE_SZ (Linux: pipe_set_size): the new capacity in bytes.

        EINVAL for a size over 2 GiB, EPERM for growing above `most` bytes, EBUSY when the pipe
        holds more now.
        """
        if size > 1 << 31 or size < 0:
            raise SysError(EINVAL)
        slots = 1
        while slots * PAGE_SIZE < size:
            slots *= 2
        if slots > self.max_usage and slots * PAGE_SIZE > most:
            raise SysError(EPERM)
        if len(self.bufs) > slots:
            raise SysError(EBUSY)
        grown = slots > self.max_usage
        if grown:
            self.kmalloc.charge("pipe_inode_info", (slots - self.max_usage) * PIPE_BUFFER)
        else:
            self.kmalloc.uncharge("pipe_inode_info", (self.max_usage - slots) * PIPE_BUFFER)
        self.max_usage = slots
        if grown:
            self.wr_wait.wake_up()
        return slots * PAGE_SIZE


class PipeWrite(Resume):
    """A blocking write that is under way: what is left of its data, and the bytes already taken."""

    __slots__ = ("data", "done", "file")

    def __init__(self, file: PipeFile, data: bytes, done: int) -> None:
        self.file = file
        self.data = data
        self.done = done

    def step(self, task: Any) -> int:
        """Push on; a pipe that lost its readers gives the bytes written so far, or EPIPE if none."""
        pipe = self.file.pipe
        if not pipe.readers:
            task.send_signal(SIGPIPE)
            if self.done:
                return self.done
            raise SysError(EPIPE)
        taken = pipe.push(self.data, bool(self.file.flags & O_DIRECT))
        if pipe.fasync is not None:
            pipe.tell(writers=False)
        self.done += taken
        if taken == len(self.data):
            return self.done
        self.data = self.data[taken:]
        raise Sleep(pipe.wr_wait, resume=self)

    def interrupted(self, task: Any) -> int:
        """A signal came: a short write, or a restart when nothing was written."""
        return self.done or -ERESTARTSYS


class PipeFile(File):
    """An end of a pipe, or both (a FIFO opened O_RDWR)."""

    __slots__ = ("pipe", "seen_writers")

    nowait = True

    can_async = True
    splice_write = True

    def __init__(self, inode: Inode, flags: int, pipe: PipeInodeInfo, path: Any = None) -> None:
        super().__init__(inode, flags, path)
        self.pipe = pipe
        self.seen_writers = -1
        """w_counter when a FIFO without writers was opened O_NONBLOCK: no POLLHUP before one came."""

    def read(self, task: Any, count: int) -> bytes:
        """Bytes there are; b"" at the end (no writers). EAGAIN or Sleep while it is empty."""
        pipe = self.pipe
        if not self.readable:
            raise SysError(EBADF)
        if pipe.fasync is not None:
            return self.read_telling(task, count)
        bufs = pipe.bufs
        if bufs:
            if len(bufs) == 1 < pipe.max_usage and len(bufs[0]) <= count and type(bufs[0]) is bytes:
                return bufs.popleft()
            return pipe.pull(count) if count else b""
        if not count or not pipe.writers:
            return b""
        if self.flags & O_NONBLOCK:
            raise SysError(EAGAIN)
        raise Sleep(pipe.rd_wait)

    def read_telling(self, task: Any, count: int) -> bytes:
        """`read`, with news for writers that have O_ASYNC set, whatever came of it."""
        pipe = self.pipe
        fasync, pipe.fasync = pipe.fasync, None
        try:
            return self.read(task, count)
        finally:
            pipe.fasync = fasync
            pipe.tell(writers=True)

    def write_telling(self, task: Any, data: bytes) -> int:
        """`write`, with news for readers that have O_ASYNC set, whatever came of it."""
        pipe = self.pipe
        fasync, pipe.fasync = pipe.fasync, None
        try:
            return self.write(task, data)
        finally:
            pipe.fasync = fasync
            pipe.tell(writers=False)

    def fasync(self, on: bool) -> None:
        """O_ASYNC was set or taken away."""
        fasync = self.pipe.fasync or {}
        if on:
            fasync[self] = None
        else:
            fasync.pop(self, None)
        self.pipe.fasync = fasync or None

    def unread(self, data: bytes) -> None:
        """Give back bytes that did not reach the reader's memory."""
        self.pipe.unread(data)

    def write(self, task: Any, data: bytes) -> int:
        """All of `data`, or what fits if O_NONBLOCK. EPIPE and SIGPIPE without readers; EAGAIN when full."""
        if not self.writable:
            raise SysError(EBADF)
        size = len(data)
        if not size:
            return 0
        pipe = self.pipe
        if pipe.fasync is not None:
            return self.write_telling(task, data)
        if not pipe.readers:
            task.send_signal(SIGPIPE)
            raise SysError(EPIPE)
        if not pipe.bufs and size <= PAGE_SIZE and not self.flags & O_DIRECT:
            pipe.bufs.append(data)
            pipe.tail_end = size
            if pipe.rd_wait.waiters:
                pipe.rd_wait.wake_up()
            return size
        done = pipe.push(data, bool(self.flags & O_DIRECT))
        if done == size:
            return done
        if self.flags & O_NONBLOCK:
            if done:
                return done
            if pipe.rd_wait.waiters:
                pipe.rd_wait.wake_up()  # as on Linux, pollers of the reading end are told though nothing came
            raise SysError(EAGAIN)
        raise Sleep(pipe.wr_wait, resume=PipeWrite(self, data[done:], done))

    def poll(self, task: Any) -> int:
        """Linux: pipe_poll."""
        pipe, mask = self.pipe, 0
        if self.readable:
            if pipe.bufs:
                mask = IN_MASK
            if not pipe.writers and pipe.w_counter != self.seen_writers:
                mask |= POLLHUP
        if self.writable:
            if len(pipe.bufs) < pipe.max_usage:
                mask |= OUT_MASK
            if not pipe.readers:
                mask |= POLLERR
        return mask

    def poll_queues(self) -> tuple[WaitQueue, ...]:
        """The queue of each side this end is open for."""
        pipe = self.pipe
        if not self.writable:
            return (pipe.rd_wait,)
        return (pipe.rd_wait, pipe.wr_wait) if self.readable else (pipe.wr_wait,)

    def ioctl(self, task: Any, cmd: int, arg: int) -> int:
        """FIONREAD: bytes in the pipe."""
        if cmd != FIONREAD:
            raise SysError(ENOTTY)
        task.mm.write(arg, sum(map(len, self.pipe.bufs)).to_bytes(4, "little"))
        return 0

    def sleeps_in(self, call: str, *, writing: bool) -> tuple[str, ...]:
        """Where it waits for the other end."""
        what = "write" if writing else "read"
        outer = () if self.inode.sb.type == b"pipefs" else (f"fifo_pipe_{what}",)
        return (f"anon_pipe_{what}", *outer)

    def release(self) -> None:
        """The last descriptor of this end is gone (Linux: pipe_release)."""
        pipe = self.pipe
        pipe.readers -= self.readable
        pipe.writers -= self.writable
        if self.flags & FASYNC:
            self.fasync(False)
        if not pipe.readers or not pipe.writers:
            pipe.wake_all()
            if pipe.fasync is not None:
                pipe.tell(writers=False)
                pipe.tell(writers=True)
        if not pipe.readers and not pipe.writers and self.inode.pipe is pipe:
            self.inode.pipe = None
            pipe.free()
        super().release()


def create_pipe_files(task: Any, flags: int) -> tuple[PipeFile, PipeFile]:
    """A new pipe: its reading and its writing end; ENOMEM. `flags`: O_NONBLOCK, O_DIRECT (packet mode)."""
    vfs = task.system.vfs
    inode = Inode(internal_sb(vfs, b"pipefs"), S_IFIFO | 0o600, task.cred.fsuid, task.cred.fsgid)
    path = vfs.pseudo_path(inode, b"pipe:[%d]" % inode.ino)
    pipe = inode.pipe = PipeInodeInfo(inode.sb.kmalloc, readers=1, writers=1)
    try:
        reader = PipeFile(inode, O_RDONLY | flags & O_NONBLOCK, pipe, path)
    except SysError:
        pipe.free()
        raise
    try:
        writer = PipeFile(inode, O_WRONLY | flags & (O_NONBLOCK | O_DIRECT), pipe, path)
    except SysError:
        pipe.writers = 0
        reader.put()
        raise
    reader.cred = writer.cred = task.cred
    return reader, writer


class FifoOpen(Resume):
    """An open of a FIFO that waits for the other end (Linux: wait_for_partner)."""

    __slots__ = ("cloexec", "counter", "file")

    def __init__(self, file: PipeFile, cloexec: bool) -> None:
        self.file = file
        self.cloexec = cloexec
        self.counter = self._partner()

    def _partner(self) -> int:
        pipe = self.file.pipe
        return pipe.w_counter if self.file.readable else pipe.r_counter

    def step(self, task: Any) -> int:
        """The descriptor, once the other end was opened (even if it is closed again by now)."""
        if self._partner() == self.counter:
            raise Sleep(self.queue, resume=self)
        return fd_install(task, self.file, self.cloexec)

    @property
    def queue(self) -> WaitQueue:
        """Where the other end's arrival is told."""
        pipe = self.file.pipe
        return pipe.rd_wait if self.file.readable else pipe.wr_wait

    def interrupted(self, task: Any) -> int:
        """A signal came first: nothing is open."""
        self.file.put()
        return -ERESTARTSYS


def fifo_open(task: Any, inode: Inode, flags: int) -> PipeFile:
    """Open a FIFO (fifo(7)): for reading or writing alone it waits for the other side.

    With O_NONBLOCK reading succeeds at once and writing without a reader is ENXIO. O_RDWR never waits, nor
    does opening an anonymous pipe again through /proc/PID/fd.
    """
    pipe: PipeInodeInfo | None = inode.pipe
    access = flags & O_ACCMODE
    if access == O_ACCMODE:  # neither for reading nor for writing
        raise SysError(EINVAL)
    nonblock = flags & O_NONBLOCK
    anonymous = inode.sb.type == b"pipefs"
    if access == O_WRONLY and nonblock and not anonymous and (pipe is None or not pipe.readers):
        raise SysError(ENXIO)
    if pipe is None:
        pipe = inode.pipe = PipeInodeInfo(inode.sb.kmalloc)
    try:
        file = PipeFile(inode, flags, pipe)
    except SysError:
        if not pipe.readers and not pipe.writers:
            inode.pipe = None
            pipe.free()
        raise
    if access != O_WRONLY:
        pipe.r_counter += 1
        pipe.readers += 1
        if pipe.readers == 1:
            pipe.wr_wait.wake_up()
    if access != O_RDONLY:
        pipe.w_counter += 1
        pipe.writers += 1
        if pipe.writers == 1:
            pipe.rd_wait.wake_up()
    if anonymous:
        return file
    if access == O_RDONLY and not pipe.writers:
        if not nonblock:
            raise _wait_for_partner(file, flags)
        file.seen_writers = pipe.w_counter
    elif access == O_WRONLY and not pipe.readers:
        raise _wait_for_partner(file, flags)
    return file


def _wait_for_partner(file: PipeFile, flags: int) -> Sleep:
    """The sleep of an open that waits for the other side."""
    waiting = FifoOpen(file, bool(flags & O_CLOEXEC))
    return Sleep(waiting.queue, resume=waiting)
