"""Moving data between a pipe and something else without a detour through the program (Linux: fs/splice.c).

Life of a call: wait until the pipe it writes to has a free slot, or the one it reads from holds something
(`wait_for_space`, `ipipe_prep`, `opipe_prep`), then move what can be moved at once and say how much that was. A call
that sleeps has moved nothing yet, and starts again when it is woken. The one exception is a write that falls asleep
inside the file it writes to: `SpliceWrite` keeps what it took off the pipe, and puts back what was not written.

What comes into a pipe this way takes slots of its own, as pages do on Linux: one for each page of a file or of memory,
and no later write is added to it (`PageSlot`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EAGAIN, EINVAL, EPIPE
from forkernel.errors import SysError
from forkernel.fs.file import File, RegFile
from forkernel.fs.pipe import PAGE_SIZE, SIGPIPE, Packet, PageSlot, PipeInodeInfo
from forkernel.wait import Resume, Sleep

if TYPE_CHECKING:
    from forkernel.kernel.task import Task


def wait_for_space(task: Task, pipe: PipeInodeInfo, nonblock: bool) -> None:
    """Return when the pipe has a free slot: EPIPE and SIGPIPE without readers, EAGAIN, Sleep."""
    if not pipe.readers:
        raise _broken(task)
    if len(pipe.bufs) >= pipe.max_usage:
        if nonblock:
            raise SysError(EAGAIN)
        raise Sleep(pipe.wr_wait)


def ipipe_prep(pipe: PipeInodeInfo, nonblock: bool) -> None:
    """Return when the pipe holds something or nobody writes to it any more: EAGAIN, Sleep."""
    if not pipe.bufs and pipe.writers:
        if nonblock:
            raise SysError(EAGAIN)
        raise Sleep(pipe.rd_wait)


def opipe_prep(task: Task, pipe: PipeInodeInfo, nonblock: bool) -> None:
    """As `wait_for_space`, but who waits for nothing is not told of missing readers here."""
    if len(pipe.bufs) >= pipe.max_usage:
        wait_for_space(task, pipe, nonblock)


def _broken(task: Task) -> SysError:
    task.send_signal(SIGPIPE)
    return SysError(EPIPE)


# --- between two pipes


def splice_pipe_to_pipe(task: Task, ipipe: PipeInodeInfo, opipe: PipeInodeInfo, length: int, nonblock: bool) -> int:
    """Move up to `length` bytes: whole slots as they are, the last one cut; how many moved."""
    ipipe_prep(ipipe, nonblock)
    opipe_prep(task, opipe, nonblock)
    done = 0
    while done < length:
        if not opipe.readers:
            error = _broken(task)
            if done:
                break
            raise error
        if not ipipe.bufs or len(opipe.bufs) >= opipe.max_usage:
            break
        slot, end = ipipe.take_slot(length - done)
        opipe.add_slot(slot, end if type(slot) is bytes else PAGE_SIZE)
        done += len(slot)
    opipe.rd_wait.wake_up()
    return done


def link_pipe(task: Task, ipipe: PipeInodeInfo, opipe: PipeInodeInfo, length: int, nonblock: bool) -> int:
    """tee(2): put up to `length` bytes from the front of one pipe into the other too, as many as fit."""
    ipipe_prep(ipipe, nonblock)
    opipe_prep(task, opipe, nonblock)
    done = 0
    for slot in ipipe.bufs:
        if not opipe.readers:
            error = _broken(task)
            if done:
                break
            raise error
        if done == length or len(opipe.bufs) >= opipe.max_usage:
            break
        opipe.add_slot(_shared(slot, length - done), PAGE_SIZE)
        done += min(len(slot), length - done)
    opipe.rd_wait.wake_up()
    return done


def _shared(slot: bytes, count: int = PAGE_SIZE) -> bytes:
    """Up to `count` bytes of a slot's page, which another pipe or file has too: nothing is added to it."""
    return Packet(slot[:count]) if type(slot) is Packet else PageSlot(slot[:count])


# --- from a file or memory into a pipe


def splice_file_to_pipe(
    task: Task, source: File, pos: int | None, pipe: PipeInodeInfo, length: int, nonblock: bool
) -> int:
    """Read up to `length` bytes of a file at `pos` (None: a stream) into the pipe, as far as it has room."""
    wait_for_space(task, pipe, nonblock)
    if not source.splice_read:
        raise SysError(EINVAL)
    start = pos % PAGE_SIZE if pos is not None and isinstance(source, RegFile) else 0
    want = min(length, (pipe.max_usage - len(pipe.bufs)) * PAGE_SIZE - start)
    if pos is None:
        data = source.splice_stream(task, want, nonblock)
    else:
        data = source.pread(task, pos, want)
    push_pages(pipe, data, start)
    return len(data)


def push_pages(pipe: PipeInodeInfo, data: bytes, start: int) -> None:
    """Put data that begins at offset `start` of a page into slots, page by page, and wake readers."""
    at, end = 0, PAGE_SIZE - start
    while at < len(data):
        pipe.add_slot(PageSlot(data[at:end]), PAGE_SIZE)
        at, end = end, end + PAGE_SIZE
    if data:
        pipe.rd_wait.wake_up()


# --- from a pipe into a file


def splice_from_pipe(
    task: Task, pipe: PipeInodeInfo, target: File, pos: int | None, length: int, nonblock: bool
) -> int:
    """Write up to `length` bytes of what the pipe holds to a file at `pos` (None: a stream)."""
    if not target.splice_write:
        raise SysError(EINVAL)
    ipipe_prep(pipe, nonblock)
    taken: list[bytes] = []
    while length and pipe.bufs:
        taken.append(pipe.take_slot(length)[0])
        length -= len(taken[-1])
    if not taken:
        return 0
    data = b"".join(taken)
    try:
        done = target.write(task, data) if pos is None else target.pwrite(task, pos, data)
    except SysError:
        put_back(pipe, taken, 0)
        raise
    except Sleep as sleep:
        if sleep.resume is None:
            put_back(pipe, taken, 0)
        else:
            sleep.resume = SpliceWrite(pipe, taken, sleep.resume)
        raise
    put_back(pipe, taken, done)
    return done


def put_back(pipe: PipeInodeInfo, taken: list[bytes], done: int) -> None:
    """Give the pipe back the slots that were taken from it, but for the first `done` bytes, which are used."""
    left = sum(map(len, taken)) - done
    if not left:
        return
    for slot in reversed(taken):
        if left > 0:
            pipe.unread(type(slot)(slot[-left:]))
        left -= len(slot)
    pipe.rd_wait.wake_up()


class SpliceWrite(Resume):
    """A write of the slots `taken` from a pipe that sleeps in the file it goes to as `inner`."""

    __slots__ = ("inner", "pipe", "taken")

    def __init__(self, pipe: PipeInodeInfo, taken: list[bytes], inner: Resume) -> None:
        self.pipe = pipe
        self.taken = taken
        self.inner = inner

    def step(self, task: Any) -> int:
        """Write on; what could not be written goes back."""
        try:
            done = self.inner.step(task)
        except Sleep as sleep:
            if sleep.resume is not None:
                self.inner = sleep.resume
            sleep.resume = self
            raise
        except SysError:
            put_back(self.pipe, self.taken, 0)
            raise
        put_back(self.pipe, self.taken, done)
        return done

    def interrupted(self, task: Any) -> int:
        """A signal came: what was written counts."""
        result = self.inner.interrupted(task)
        put_back(self.pipe, self.taken, max(result, 0))
        return result
