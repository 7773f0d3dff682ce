"""splice, tee, vmsplice, sendfile, copy_file_range: from file to file without the program's memory (Linux: fs/splice.c,
fs/read_write.c).

Decoding and checks are here, the moving of pipe slots in fs/splice.py. A call that has to wait sleeps as a `HeldFiles`,
which keeps its files open and makes the same call again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from forkernel.abi.errno import EBADF, EINVAL, EISDIR, EOVERFLOW, ESPIPE, EXDEV
from forkernel.abi.fcntl import O_APPEND, O_NONBLOCK
from forkernel.abi.splice import SPLICE_F_ALL, SPLICE_F_NONBLOCK
from forkernel.abi.stat import s_isdir, s_isreg
from forkernel.abi.types import I32, I64, U32, U64
from forkernel.errors import SysError
from forkernel.fs.file import MAX_LFS_FILESIZE, RLIMIT_FSIZE, DirFile, File, file_room
from forkernel.fs.pipe import PAGE_SIZE, PipeFile, PipeInodeInfo
from forkernel.fs.splice import (
    ipipe_prep,
    link_pipe,
    push_pages,
    splice_file_to_pipe,
    splice_from_pipe,
    splice_pipe_to_pipe,
    wait_for_space,
)
from forkernel.fs.timedread import TimedRead
from forkernel.kernel.task import Task
from forkernel.mm.iov_iter import MAX_RW_COUNT, IovIter, import_iovec
from forkernel.mm.uaccess import UserBuf, UserInOut
from forkernel.syscalls.io import CHUNK, add_copied, files_of, finish_short
from forkernel.syscalls.registry import syscall
from forkernel.wait import Resume, Sleep

SENDFILE_CHUNK = 1 << 16


class HeldFiles(Resume):
    """A call asleep: its files, and the function that makes it again with its arguments."""

    __slots__ = ("args", "files", "function", "inner")

    def __init__(self, files: tuple[File, ...], function: Callable[..., int], args: tuple[Any, ...]) -> None:
        self.files = files
        self.function = function
        self.args = args
        self.inner: Resume | None = None
        """The progress of a write that sleeps in its file; None: start again."""

    def start(self, task: Task) -> int:
        """The first try: the files are held from the moment it sleeps."""
        try:
            return self.function(task, *self.args)
        except Sleep as sleep:
            for file in self.files:
                file.get()
            self._keep(sleep)
            raise

    def _keep(self, sleep: Sleep) -> None:
        self.inner = None if isinstance(sleep.resume, TimedRead) else sleep.resume
        sleep.resume = self

    def step(self, task: Task) -> int:
        """Go on, and give the files back at the end."""
        try:
            result = self.function(task, *self.args) if self.inner is None else self.inner.step(task)
        except Sleep as sleep:
            self._keep(sleep)
            raise
        except SysError:
            self._put()
            raise
        self._put()
        return result

    def _put(self) -> None:
        for file in self.files:
            file.put()

    def interrupted(self, task: Task) -> int:
        """A signal came."""
        result = super().interrupted(task) if self.inner is None else self.inner.interrupted(task)
        self._put()
        return result


def get_pipe_info(file: File) -> PipeInodeInfo | None:
    """The pipe of a file, None for anything else."""
    return file.pipe if isinstance(file, PipeFile) else None


def positional(file: File) -> bool:
    """Whether a file can be read at a position of the caller's choice (Linux: FMODE_PREAD)."""
    return type(file).pread is not File.pread


def rw_verify_area(pos: int, count: int) -> None:
    """EINVAL for a negative position, and for one that the count takes beyond what can be counted."""
    if pos < 0 or pos + count > MAX_LFS_FILESIZE:
        raise SysError(EINVAL)


# --- splice


@syscall("splice")
def sys_splice(
    task: Task,
    fd_in: I32,
    off_in: UserInOut[I64] | None,
    fd_out: I32,
    off_out: UserInOut[I64] | None,
    length: U64,
    flags: U32,
) -> int:
    """splice(2)."""
    if not length:
        return 0
    if flags & ~SPLICE_F_ALL:
        raise SysError(EINVAL)
    source, target = files_of(task, fd_in), files_of(task, fd_out)
    if (get_pipe_info(source) and off_in is not None) or (get_pipe_info(target) and off_out is not None):
        raise SysError(ESPIPE)
    args = (source, off_in, target, off_out, min(length, MAX_RW_COUNT), flags)
    return HeldFiles((source, target), do_splice, args).start(task)


def do_splice(
    task: Task,
    source: File,
    off_in: UserInOut[I64] | None,
    target: File,
    off_out: UserInOut[I64] | None,
    length: int,
    flags: int,
) -> int:
    """The three kinds: pipe to pipe, pipe to file, file to pipe; EINVAL where neither is a pipe."""
    out_pos = None if off_out is None else off_out.get()
    in_pos = None if off_in is None else off_in.get()
    if not source.readable or not target.writable:
        raise SysError(EBADF)
    ipipe, opipe = get_pipe_info(source), get_pipe_info(target)
    if ipipe is not None and opipe is not None:
        if ipipe is opipe:
            raise SysError(EINVAL)
        nonblock = nonblocking(flags, source, target)
        return splice_pipe_to_pipe(task, ipipe, opipe, length, nonblock)
    if ipipe is not None:
        pos = place_in(target, out_pos, length)
        if target.flags & O_APPEND:
            raise SysError(EINVAL)
        done = splice_from_pipe(task, ipipe, target, pos, length, nonblocking(flags, source))
        move(target, off_out, pos, done)
        return done
    if opipe is None:
        raise SysError(EINVAL)
    pos = place_in(source, in_pos, length)
    done = splice_file_to_pipe(task, source, pos, opipe, length, nonblocking(flags, target))
    move(source, off_in, pos, done)
    return done


def nonblocking(flags: int, *files: File) -> bool:
    """SPLICE_F_NONBLOCK, or O_NONBLOCK of a pipe."""
    return bool(flags & SPLICE_F_NONBLOCK or any(file.flags & O_NONBLOCK for file in files))


def place_in(file: File, wanted: int | None, length: int) -> int | None:
    """Where in a file the call reads or writes; None for a stream. EINVAL for a place in a stream."""
    if not positional(file):
        if wanted is not None:
            raise SysError(EINVAL)
        return None
    pos = file.pos if wanted is None else wanted
    rw_verify_area(pos, length)
    return pos


def move(file: File, where: UserInOut[I64] | None, pos: int | None, done: int) -> None:
    """Note how far it came: in the caller's offset, or the file's own."""
    if pos is None:
        return
    if where is not None:
        where.put(pos + done)
    else:
        file.pos = pos + done


# --- tee


@syscall("tee")
def sys_tee(task: Task, fdin: I32, fdout: I32, length: U64, flags: U32) -> int:
    """tee(2)."""
    if flags & ~SPLICE_F_ALL:
        raise SysError(EINVAL)
    if not length:
        return 0
    source, target = files_of(task, fdin), files_of(task, fdout)
    if not source.readable or not target.writable:
        raise SysError(EBADF)
    ipipe, opipe = get_pipe_info(source), get_pipe_info(target)
    if ipipe is None or opipe is None or ipipe is opipe:
        raise SysError(EINVAL)
    args = (ipipe, opipe, length, nonblocking(flags, source, target))
    return HeldFiles((source, target), link_pipe, args).start(task)


# --- vmsplice


@syscall("vmsplice", caveat="the pages are copied at the call: later changes of them do not show in the pipe")
def sys_vmsplice(task: Task, fd: I32, vec: UserBuf, nr_segs: U64, flags: U32) -> int:
    """vmsplice(2): from memory into a pipe, or from the reading end into memory."""
    if flags & ~SPLICE_F_ALL:
        raise SysError(EINVAL)
    file = files_of(task, fd)
    if not file.writable and not file.readable:
        raise SysError(EBADF)
    iov = import_iovec(vec, nr_segs)
    if not iov.left:
        return 0
    pipe = get_pipe_info(file)
    if pipe is None:
        raise SysError(EBADF)
    function = vmsplice_to_pipe if file.writable else vmsplice_to_user
    return HeldFiles((file,), function, (file, iov, bool(flags & SPLICE_F_NONBLOCK))).start(task)


def vmsplice_to_pipe(task: Task, file: PipeFile, iov: IovIter, nonblock: bool) -> int:
    """Memory into slots, page by page, as far as there are any: EFAULT, EPIPE, EAGAIN, Sleep."""
    pipe, mm, done = file.pipe, task.mm, 0
    assert mm is not None
    wait_for_space(task, pipe, nonblock)
    while iov.left and len(pipe.bufs) < pipe.max_usage:
        addr, length = iov.segments[0]
        start = addr % PAGE_SIZE
        size = min(length, PAGE_SIZE - start)
        try:
            data = mm.read(addr, size)
        except SysError:
            if not done:
                raise
            break
        push_pages(pipe, data, start)
        iov.advance(size)
        done += size
    return done


def vmsplice_to_user(task: Task, file: PipeFile, iov: IovIter, nonblock: bool) -> int:
    """What the pipe holds into memory: EFAULT, EAGAIN, Sleep."""
    pipe, done = file.pipe, 0
    ipipe_prep(pipe, nonblock)
    while iov.left and pipe.bufs:
        data = pipe.take_slot(iov.left)[0]
        copied = iov.copy_in(task.mm, data)
        if copied < len(data):
            return done + copied if done + copied else finish_short(file, data, copied)
        done += copied
    return done


# --- sendfile


@syscall("sendfile")
def sys_sendfile(task: Task, out_fd: I32, in_fd: I32, offset: UserInOut[I64] | None, count: U64) -> int:
    """sendfile(2)."""
    start = offset.get() if offset is not None else None
    source, target = files_of(task, in_fd), files_of(task, out_fd)
    if not source.readable:
        raise SysError(EBADF)
    if start is not None and not positional(source):
        raise SysError(ESPIPE)
    count = min(count, MAX_RW_COUNT)
    pos = source.pos if start is None else start
    rw_verify_area(pos, count)
    if not target.writable:
        raise SysError(EBADF)
    if (pipe := get_pipe_info(target)) is not None:
        held = HeldFiles((source, target), sendfile_to_pipe, (source, offset, pipe, count, target))
        return add_copied(task, held.start(task))
    if target.flags & O_APPEND or not positional(source) or isinstance(source, DirFile):
        raise SysError(EINVAL)
    if not source.splice_read or not target.splice_write:
        raise SysError(EINVAL)
    where = offset.addr if offset is not None else 0
    return add_copied(task, SendFile(source, target, pos, count, where).step(task))


def sendfile_to_pipe(
    task: Task, source: File, offset: UserInOut[I64] | None, pipe: PipeInodeInfo, count: int, target: File
) -> int:
    """As splice: what the pipe has room for."""
    pos = place_in(source, None if offset is None else offset.get(), count)
    done = splice_file_to_pipe(task, source, pos, pipe, count, bool(target.flags & O_NONBLOCK))
    move(source, offset, pos, done)
    return done


class SendFile(Resume):
    """A sendfile under way; `offset` is the address that gets the position, 0 for the file's own."""

    __slots__ = ("count", "done", "inner", "offset", "pos", "size", "source", "target")

    def __init__(self, source: File, target: File, pos: int, count: int, offset: int) -> None:
        self.source = source
        self.target = target
        self.pos = pos
        self.count = count
        self.offset = offset
        self.done = 0
        self.size = 0
        """Length of the chunk that `inner` writes."""
        self.inner: Resume | None = None

    def step(self, task: Task) -> int:
        """Copy chunk after chunk."""
        try:
            while self.done < self.count:
                written = self._chunk(task)
                self.inner = None
                self._moved(task, written)
                if written < self.size or not written:
                    break
        except Sleep as sleep:
            self.inner = sleep.resume
            raise Sleep(*sleep.queues, resume=self, deadline=sleep.deadline) from None
        except SysError:
            if not self.done:
                raise
        return self.done

    def _chunk(self, task: Task) -> int:
        if self.inner is not None:
            return self.inner.step(task)
        data = self.source.pread(task, self.pos, min(self.count - self.done, SENDFILE_CHUNK))
        self.size = len(data)
        return self.target.write(task, data) if data else 0

    def _moved(self, task: Any, written: int) -> None:
        """Note progress where the caller will look for it."""
        self.done += written
        self.pos += written
        if self.offset:
            task.mm.write(self.offset, self.pos.to_bytes(8, "little"))
        else:
            self.source.pos = self.pos

    def interrupted(self, task: Task) -> int:
        """A signal came: what was copied, or a restart."""
        last = self.inner.interrupted(task) if self.inner is not None else super().interrupted(task)
        if last > 0:
            with suppress(SysError):
                self._moved(task, last)
        return self.done or last


@syscall("copy_file_range")
def sys_copy_file_range(
    task: Task,
    fd_in: I32,
    off_in: UserInOut[I64] | None,
    fd_out: I32,
    off_out: UserInOut[I64] | None,
    length: U64,
    flags: U32,
) -> int:
    """copy_file_range(2): a copy in memory."""
    source, target = files_of(task, fd_in), files_of(task, fd_out)
    pos_in = source.pos if off_in is None else off_in.get()
    pos_out = target.pos if off_out is None else off_out.get()
    if flags:
        raise SysError(EINVAL)
    length = copy_file_range_checks(task, source, target, pos_in, pos_out, length)
    done = 0
    while done < length:
        data = source.pread(task, pos_in + done, min(length - done, CHUNK))
        if not data:
            break
        try:
            done += target.pwrite(task, pos_out + done, data)
        except SysError:
            if not done:
                raise
            break
    if done:
        move(source, off_in, pos_in, done)
        move(target, off_out, pos_out, done)
    return add_copied(task, done)


def copy_file_range_checks(task: Task, source: File, target: File, pos_in: int, pos_out: int, length: int) -> int:
    """Bytes to copy, after what copy_file_range refuses (Linux: generic_copy_file_checks)."""
    ends = (source.inode, target.inode)
    if any(inode is not None and s_isdir(inode.mode) for inode in ends):
        raise SysError(EISDIR)
    if any(inode is None or not s_isreg(inode.mode) for inode in ends):
        raise SysError(EINVAL)
    if not source.readable or not target.writable or target.flags & O_APPEND:
        raise SysError(EBADF)
    if source.inode.sb is not target.inode.sb:
        raise SysError(EXDEV)
    if any((pos & (1 << 64) - 1) + length >= 1 << 64 for pos in (pos_in, pos_out)):
        raise SysError(EOVERFLOW)
    length = min(length, max(0, source.inode.size - pos_in))
    limit = task.signal.rlim[RLIMIT_FSIZE][0]
    if length and pos_out + length > min(limit, MAX_LFS_FILESIZE):
        length = file_room(task, pos_out, limit)
    if source.inode is target.inode and pos_in < pos_out + length and pos_out < pos_in + length:
        raise SysError(EINVAL)
    length = min(length, MAX_RW_COUNT)
    rw_verify_area(pos_in, length)
    rw_verify_area(pos_out, length)
    return length
