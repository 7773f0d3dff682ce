"""Reading and writing: read, write, their vectored and positional kin, lseek (syscalls/rwf.py has preadv2).

The short way is one call of the file and one copy. Memory that is only partly there, and transfers of
more than a chunk, take the long way through an `IovIter`: then the call moves what it can, as Linux does,
and EFAULT comes only when that is nothing.
"""

from __future__ import annotations

from forkernel.abi.errno import EFAULT, EINVAL
from forkernel.abi.types import I64, U32, U64
from forkernel.errors import SysError
from forkernel.fs.devices import NullFile, ZeroFile
from forkernel.fs.file import File
from forkernel.fs.timedread import TimedRead
from forkernel.kernel.task import Task
from forkernel.mm.iov_iter import TASK_SIZE, IovIter, import_iovec, single
from forkernel.mm.uaccess import UserBuf
from forkernel.syscalls.registry import syscall
from forkernel.wait import Resume, Sleep

CHUNK = 1 << 20
"""Most bytes held on the host for one step of a transfer."""
SEEK_MAX = 4


# --- read and write


@syscall("read")
def sys_read(task: Task, fd: U32, buf: UserBuf, count: U64) -> int:
    """read(2)."""
    file = task.files.get(fd)  # type: ignore[union-attr]  # a task in a system call has a table
    if count > CHUNK:
        return counted_read(task, file, single(buf.addr, count))
    try:
        data = file.read(task, count)
    except Sleep as sleep:
        if sleep.resume is not None or task.files.users > 1:  # type: ignore[union-attr]
            raise hold(task, sleep, HeldCall(file, buf.addr, count, write=False)) from None
        raise
    except SysError:
        task.syscr += 1
        raise
    task.syscr += 1
    task.rchar += len(data)
    if data:
        try:
            buf.mm.write(buf.addr, data)
        except SysError:
            return finish_short(file, data, single(buf.addr, count).copy_in(buf.mm, data))
    elif buf.addr + count > TASK_SIZE:
        raise SysError(EFAULT)
    return len(data)


@syscall("write")
def sys_write(task: Task, fd: U32, buf: UserBuf, count: U64) -> int:
    """write(2)."""
    file = task.files.get(fd)  # type: ignore[union-attr]  # a task in a system call has a table
    if count > CHUNK:
        return counted_write(task, file, single(buf.addr, count))
    try:
        data = buf.mm.read(buf.addr, count)
    except SysError:
        return counted_write(task, file, single(buf.addr, count))
    try:
        done = file.write(task, data)
    except Sleep as sleep:
        if task.files.users > 1:  # type: ignore[union-attr]
            raise hold(task, sleep, HeldCall(file, buf.addr, count, write=True)) from None
        raise
    except SysError:
        task.syscw += 1
        raise
    task.syscw += 1
    task.wchar += done
    return done


def counted_read(task: Task, file: File, iov: IovIter, pos: int = -1) -> int:
    """`read_iter`, counted for /proc/PID/io; a call that fails counts too."""
    try:
        return add_rchar(task, read_iter(task, file, iov, pos))
    except SysError:
        task.syscr += 1
        raise


def counted_write(task: Task, file: File, iov: IovIter, pos: int = -1) -> int:
    """`write_iter`, counted."""
    try:
        return add_wchar(task, write_iter(task, file, iov, pos))
    except SysError:
        task.syscw += 1
        raise


def add_rchar(task: Task, done: int) -> int:
    """Count a reading call that gave so many bytes, for /proc/PID/io."""
    task.syscr += 1
    task.rchar += done
    return done


def add_wchar(task: Task, done: int) -> int:
    """Count a writing call."""
    task.syscw += 1
    task.wchar += done
    return done


def add_copied(task: Task, done: int) -> int:
    """Count a call that reads and writes."""
    return add_wchar(task, add_rchar(task, done))


@syscall("pread64")
def sys_pread64(task: Task, fd: U32, buf: UserBuf, count: U64, pos: I64) -> int:
    """pread(2)."""
    return positional_read(task, fd, single(buf.addr, count), pos)


@syscall("pwrite64")
def sys_pwrite64(task: Task, fd: U32, buf: UserBuf, count: U64, pos: I64) -> int:
    """pwrite(2)."""
    return positional_write(task, fd, single(buf.addr, count), pos)


@syscall("readv")
def sys_readv(task: Task, fd: U64, vec: UserBuf, vlen: U64) -> int:
    """readv(2)."""
    return counted_read(task, files_of(task, fd), import_iovec(vec, vlen))


@syscall("writev")
def sys_writev(task: Task, fd: U64, vec: UserBuf, vlen: U64) -> int:
    """writev(2)."""
    return counted_write(task, files_of(task, fd), import_iovec(vec, vlen))


@syscall("preadv")
def sys_preadv(task: Task, fd: U64, vec: UserBuf, vlen: U64, pos: I64, pos_high: U64) -> int:
    """preadv(2)."""
    return positional_read(task, fd, import_iovec(vec, vlen), pos)


@syscall("pwritev")
def sys_pwritev(task: Task, fd: U64, vec: UserBuf, vlen: U64, pos: I64, pos_high: U64) -> int:
    """pwritev(2)."""
    return positional_write(task, fd, import_iovec(vec, vlen), pos)


@syscall("lseek")
def sys_lseek(task: Task, fd: U32, offset: I64, whence: U32) -> int:
    """lseek(2)."""
    file = task.files.get(fd)  # type: ignore[union-attr]  # a task in a system call has a table
    if whence > SEEK_MAX:
        raise SysError(EINVAL)
    return file.seek(offset, whence)


def files_of(task: Task, fd: int) -> File:
    """The open file of a descriptor; EBADF."""
    assert task.files is not None
    return task.files.get(fd & 0xFFFFFFFF)


def positional_read(task: Task, fd: int, iov: IovIter, pos: int) -> int:
    """Read at `pos`; EINVAL below zero."""
    if pos < 0:
        raise SysError(EINVAL)
    return counted_read(task, files_of(task, fd), iov, pos)


def positional_write(task: Task, fd: int, iov: IovIter, pos: int) -> int:
    """Write at `pos`; EINVAL below zero."""
    if pos < 0:
        raise SysError(EINVAL)
    return counted_write(task, files_of(task, fd), iov, pos)


# --- a descriptor table with several users


class HeldCall(Resume):
    """A read or write asleep that keeps its file: other threads may close its descriptor, or it has a time limit."""

    __slots__ = ("addr", "count", "file", "inner", "write")

    def __init__(self, file: File, addr: int, count: int, *, write: bool) -> None:
        self.file = file
        self.addr = addr
        self.count = count
        self.write = write
        self.inner: Resume | None = None
        """The progress of the file's own sleep; None: start again."""

    def step(self, task: Task) -> int:
        """Go on, and give the reference back at the end."""
        try:
            result = self._run(task)
        except Sleep as sleep:
            self.inner, sleep.resume = sleep.resume, self
            raise
        except SysError:
            self.file.put()
            raise
        self.file.put()
        return result

    def _run(self, task: Task) -> int:
        if self.inner is not None:
            return self.inner.step(task)
        iov = single(self.addr, self.count)
        return write_iter(task, self.file, iov) if self.write else read_iter(task, self.file, iov)

    def interrupted(self, task: Task) -> int:
        """A signal came."""
        result = super().interrupted(task) if self.inner is None else self.inner.interrupted(task)
        self.file.put()
        return result


def hold(task: Task, sleep: Sleep, call: HeldCall) -> Sleep:
    """The sleep of `call`, with a reference to its file."""
    call.file.get()
    call.inner, sleep.resume = sleep.resume, call
    if isinstance(call.inner, TimedRead):
        call.inner.addr, call.inner.count = call.addr, call.count
    return sleep


def finish_short(file: File, data: bytes, copied: int) -> int:
    """A read whose data fitted only in part: the file takes the rest back; EFAULT if nothing fitted."""
    if copied < len(data):
        file.unread(data[copied:])
        if not copied:
            raise SysError(EFAULT)
    return copied


# --- the long way


def read_iter(task: Task, file: File, iov: IovIter, pos: int = -1) -> int:
    """Read into `iov`, at `pos` unless it is negative. What was read counts more than a later error."""
    if not iov.left:
        return len(file.read(task, 0) if pos < 0 else file.pread(task, pos, 0))
    done = 0
    while iov.left:
        want = min(iov.left, CHUNK)
        try:
            data = file.read(task, want) if pos < 0 else file.pread(task, pos + done, want)
        except (SysError, Sleep) as stop:
            if done:
                return done
            if isinstance(stop, Sleep) and isinstance(stop.resume, TimedRead):
                stop.resume.addr, stop.resume.count = iov.segments[0]
            raise
        copied = iov.copy_in(task.mm, data)
        done += copied
        if copied < len(data):
            if pos < 0:
                file.unread(data[copied:])
            if not done:
                raise SysError(EFAULT)
            return done
        if len(data) < want:
            break
    return done


def write_iter(task: Task, file: File, iov: IovIter, pos: int = -1) -> int:
    """Write `iov`, at `pos` unless it is negative."""
    if type(file) in (NullFile, ZeroFile) and file.writable:
        return iov.left
    if not iov.left:
        return file.write(task, b"") if pos < 0 else file.pwrite(task, pos, b"")
    return IterWrite(file, iov, pos).step(task)


class IterWrite(Resume):
    """A write in chunks. `inner` is the progress of a chunk that sleeps in the file."""

    __slots__ = ("done", "file", "inner", "iov", "pos", "size")

    def __init__(self, file: File, iov: IovIter, pos: int) -> None:
        self.file = file
        self.iov = iov
        self.pos = pos
        self.done = 0
        self.size = 0
        """Length of the chunk that `inner` writes."""
        self.inner: Resume | None = None

    def step(self, task: Task) -> int:
        """Write chunk after chunk until one falls short."""
        try:
            while self.iov.left:
                written = self._chunk(task)
                self.inner = None
                self.done += written
                self.iov.advance(written)
                if written < self.size or self.size < min(self.iov.left + written, CHUNK):
                    break
        except Sleep as sleep:
            self.inner = sleep.resume
            raise Sleep(
                *sleep.queues,
                resume=self,
                deadline=sleep.deadline,
                on_signal=sleep.on_signal,
                interruptible=sleep.interruptible,
            ) from None
        except SysError:
            if not self.done:
                raise
        return self.done

    def _chunk(self, task: Task) -> int:
        """Write one chunk, or go on with it."""
        if self.inner is not None:
            return self.inner.step(task)
        data = self.iov.copy_out(task.mm, CHUNK)
        self.size = len(data)
        if not data:
            raise SysError(EFAULT)
        if self.pos < 0:
            return self.file.write(task, data)
        return self.file.pwrite(task, self.pos + self.done, data)

    def interrupted(self, task: Task) -> int:
        """A signal came: what was written, or the answer of the chunk that sleeps."""
        last = self.inner.interrupted(task) if self.inner is not None else super().interrupted(task)
        return self.done + max(last, 0) or last
