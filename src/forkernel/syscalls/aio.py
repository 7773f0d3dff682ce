"""io_setup, io_submit, io_getevents and their kin (Linux: fs/aio.c). Contexts are in kernel/aio.py."""

from __future__ import annotations

from typing import NamedTuple

from forkernel.abi.aio import (
    IOCB,
    IOCB_CMD_FDSYNC,
    IOCB_CMD_FSYNC,
    IOCB_CMD_POLL,
    IOCB_CMD_PREAD,
    IOCB_CMD_PREADV,
    IOCB_CMD_PWRITE,
    IOCB_CMD_PWRITEV,
    IOCB_FLAG_IOPRIO,
    IOCB_FLAG_RESFD,
    KIOCB_KEY,
)
from forkernel.abi.errno import EBADF, EINPROGRESS, EINTR, EINVAL
from forkernel.abi.poll import POLLERR, POLLHUP
from forkernel.abi.time import Timespec
from forkernel.abi.types import I64, U32, U64
from forkernel.errors import SysError
from forkernel.fs.eventfd import EventFile
from forkernel.fs.file import DirFile, File
from forkernel.kernel.aio import AioPoll, KioCtx, aio_of
from forkernel.kernel.sched_params import ioprio_check_cap
from forkernel.kernel.signal import restore_saved_sigmask
from forkernel.kernel.task import Task
from forkernel.mm.iov_iter import IovIter, import_iovec, single
from forkernel.mm.uaccess import UserBuf, UserInOut
from forkernel.syscalls.io import files_of, read_iter, write_iter
from forkernel.syscalls.poll import NSEC_PER_SEC, deadline_after, take_sigmask
from forkernel.syscalls.registry import syscall
from forkernel.syscalls.rwf import OneCall, kiocb_set_rw_flags
from forkernel.syscalls.splice import positional
from forkernel.wait import Resume, Sleep

READS = (IOCB_CMD_PREAD, IOCB_CMD_PREADV)
WRITES = (IOCB_CMD_PWRITE, IOCB_CMD_PWRITEV)
SSIZE_MAX = (1 << 63) - 1


class Iocb(NamedTuple):
    """struct iocb."""

    data: int
    key: int
    rw_flags: int
    opcode: int
    reqprio: int
    fildes: int
    buf: int
    nbytes: int
    offset: int
    reserved2: int
    flags: int
    resfd: int


@syscall("io_setup")
def sys_io_setup(task: Task, nr_events: U32, ctxp: UserInOut[U64]) -> int:
    """io_setup(2)."""
    if ctxp.get():
        raise SysError(EINVAL)
    aio = aio_of(task.system)
    ctx = aio.ioctx_alloc(task, nr_events)
    try:
        ctxp.put(ctx.ring)
    except SysError:
        aio.kill_ioctx(ctx)
        raise
    return 0


@syscall("io_destroy")
def sys_io_destroy(task: Task, ctx: U64) -> int:
    """io_destroy(2)."""
    aio = aio_of(task.system)
    aio.kill_ioctx(aio.lookup(task, ctx))
    return 0


# --- submitting


@syscall("io_submit")
def sys_io_submit(task: Task, ctx_id: U64, nr: I64, iocbpp: UserBuf) -> int:
    """io_submit(2)."""
    if nr < 0:
        raise SysError(EINVAL)
    ctx = aio_of(task.system).lookup(task, ctx_id)
    return IoSubmit(ctx, min(nr, ctx.nr), iocbpp.addr).step(task)


class Request(NamedTuple):
    """A request that is under way."""

    obj: int
    iocb: Iocb
    file: File
    eventfd: File | None
    iov: IovIter | None


class IoSubmit(Resume):
    """A call that submits; it sleeps where a file without O_NONBLOCK has nothing to read or no room, as on Linux."""

    __slots__ = ("at", "ctx", "done", "inner", "nr", "request")

    def __init__(self, ctx: KioCtx, nr: int, at: int) -> None:
        self.ctx = ctx
        self.nr = nr
        self.at = at
        """The array of pointers."""
        self.done = 0
        self.request: Request | None = None
        self.inner: Resume | None = None

    def step(self, task: Task) -> int:
        """One request after the other; an error is told if none came before it."""
        while self.done < self.nr:
            try:
                if self.request is None:
                    self.request = prepare(task, self.ctx, self.at + 8 * self.done)
            except SysError:
                if not self.done:
                    raise
                break
            try:
                result = self.carry_out(task, self.request)
            except SysError as error:
                result = -error.errno
            except Sleep as sleep:
                self.inner, sleep.resume = sleep.resume, self
                raise
            self.end(result)
        return self.done

    def carry_out(self, task: Task, request: Request) -> int | None:
        """Do it: the result, None for a poll that tells of itself."""
        iocb, file = request.iocb, request.file
        if iocb.opcode == IOCB_CMD_POLL:
            events = iocb.buf | POLLERR | POLLHUP
            AioPoll(self.ctx, file, events, iocb.data, request.obj, request.eventfd).start(task)
            return None
        if iocb.opcode in (IOCB_CMD_FSYNC, IOCB_CMD_FDSYNC):
            file.fsync(iocb.opcode == IOCB_CMD_FDSYNC)
            return 0
        if self.inner is not None:
            return self.inner.step(task)
        assert request.iov is not None
        pos = iocb.offset if positional(file) else -1
        function = read_iter if iocb.opcode in READS else write_iter
        with OneCall(file, iocb.rw_flags):
            return function(task, file, request.iov, pos)

    def end(self, result: int | None) -> None:
        """Put the event of a request into the ring."""
        request, self.request, self.inner = self.request, None, None
        self.done += 1
        if request is not None and result is not None:
            self.ctx.complete(request.iocb.data, request.obj, result, request.eventfd)
            request.file.put()
            if request.eventfd is not None:
                request.eventfd.put()

    def interrupted(self, task: Task) -> int:
        """A signal came: the request that sleeps ends with what it has, or EINTR."""
        result = self.inner.interrupted(task) if self.inner is not None else 0
        self.end(result if result > 0 else -EINTR)
        return self.done


def prepare(task: Task, ctx: KioCtx, at: int) -> Request:
    """Read and check the iocb that the pointer at `at` leads to (Linux: io_submit_one).

    EFAULT, EINVAL, EAGAIN without a place, EBADF.
    """
    mm = task.mm
    assert mm is not None
    obj = mm.read_u64(at)
    iocb = Iocb._make(IOCB.unpack(mm.read(obj, IOCB.size)))
    if iocb.reserved2 or iocb.nbytes > SSIZE_MAX:
        raise SysError(EINVAL)
    ctx.get_req()
    held: list[File] = []
    try:
        file = files_of(task, iocb.fildes).get()
        held.append(file)
        eventfd = None
        if iocb.flags & IOCB_FLAG_RESFD:
            eventfd = files_of(task, iocb.resfd).get()
            held.append(eventfd)
            if not isinstance(eventfd, EventFile):
                raise SysError(EINVAL)
        mm.write_u32(obj + 8, KIOCB_KEY)
        return Request(obj, iocb, file, eventfd, check_iocb(task, file, iocb))
    except SysError:
        for one in held:
            one.put()
        ctx.inflight -= 1
        raise


def check_iocb(task: Task, file: File, iocb: Iocb) -> IovIter | None:
    """What an operation refuses before it starts; its memory, if it has some."""
    if iocb.opcode in READS or iocb.opcode in WRITES:
        kiocb_set_rw_flags(file, iocb.rw_flags, write=iocb.opcode in WRITES)
        if iocb.flags & IOCB_FLAG_IOPRIO:
            ioprio_check_cap(task, iocb.reqprio)
        if not (file.readable if iocb.opcode in READS else file.writable):
            raise SysError(EBADF)
        if isinstance(file, DirFile):
            raise SysError(EINVAL)
        assert task.mm is not None
        vector = iocb.opcode in (IOCB_CMD_PREADV, IOCB_CMD_PWRITEV)
        iov = import_iovec(UserBuf(task.mm, iocb.buf), iocb.nbytes) if vector else single(iocb.buf, iocb.nbytes)
        if positional(file) and iocb.offset < 0:
            raise SysError(EINVAL)
        return iov
    if iocb.opcode in (IOCB_CMD_FSYNC, IOCB_CMD_FDSYNC):
        if iocb.buf or iocb.offset or iocb.nbytes or iocb.rw_flags or type(file).fsync is File.fsync:
            raise SysError(EINVAL)
    elif iocb.opcode != IOCB_CMD_POLL or iocb.buf >> 16 or iocb.offset or iocb.nbytes or iocb.rw_flags:
        raise SysError(EINVAL)
    return None


@syscall("io_cancel")
def sys_io_cancel(task: Task, ctx_id: U64, iocb: UserBuf, result: UserBuf | None) -> int:
    """io_cancel(2): polls alone can be cancelled; their event comes all the same."""
    if int.from_bytes(iocb.mm.read(iocb.addr + 8, 4), "little") != KIOCB_KEY:
        raise SysError(EINVAL)
    poll = aio_of(task.system).lookup(task, ctx_id).active.get(iocb.addr)
    if poll is None:
        raise SysError(EINVAL)
    poll.finish(0)
    raise SysError(EINPROGRESS)


# --- events


class IoGetevents(Resume):
    """A call that waits for `least` events."""

    __slots__ = ("ctx", "deadline", "got", "least", "most", "where")

    def __init__(self, ctx: KioCtx, least: int, most: int, where: int, deadline: int | None) -> None:
        self.ctx = ctx
        self.least = least
        self.most = most
        self.where = where
        self.deadline = deadline
        """CLOCK_MONOTONIC nanoseconds; 0: do not wait; None: no limit."""
        self.got = 0

    def step(self, task: Task) -> int:
        """Take what there is, or sleep on."""
        try:
            self._take(task)
            over = self.deadline is not None and task.system.clock.monotonic() >= self.deadline
            if self.got < self.least and not over and not self.ctx.dead:
                raise Sleep(self.ctx.wait, resume=self, deadline=self.deadline)
        except SysError:
            restore_saved_sigmask(task)
            if not self.got:
                raise
            return self.got
        restore_saved_sigmask(task)
        if self.ctx.dead and not self.got:
            raise SysError(EINVAL)
        return self.got

    def _take(self, task: Task) -> None:
        if self.ctx.dead:
            return
        events = self.ctx.read_events(self.most - self.got)
        if events:
            assert task.mm is not None
            task.mm.write(self.where, b"".join(events))
            self.ctx.advance(len(events))
            self.where += len(events) * len(events[0])
            self.got += len(events)

    def interrupted(self, task: Task) -> int:
        """A signal came: what there is, or EINTR."""
        return self.got or -EINTR


def do_io_getevents(task: Task, ctx_id: int, least: int, most: int, events: UserBuf, timeout: UserBuf | None) -> int:
    """The common part; EINVAL, EFAULT."""
    deadline = None
    if timeout is not None:
        limit = Timespec.unpack(timeout.read(Timespec.SIZE))
        left = limit.tv_sec * NSEC_PER_SEC + limit.tv_nsec  # not checked, on Linux either: a negative one is no limit
        deadline = None if left < 0 else deadline_after(task, left)
    ctx = aio_of(task.system).lookup(task, ctx_id)
    if not 0 <= least <= most:
        raise SysError(EINVAL)
    return IoGetevents(ctx, least, most, events.addr, deadline).step(task)


@syscall("io_getevents")
def sys_io_getevents(task: Task, ctx_id: U64, min_nr: I64, nr: I64, events: UserBuf, timeout: UserBuf | None) -> int:
    """io_getevents(2)."""
    return do_io_getevents(task, ctx_id, min_nr, nr, events, timeout)


@syscall("io_pgetevents")
def sys_io_pgetevents(
    task: Task, ctx_id: U64, min_nr: I64, nr: I64, events: UserBuf, timeout: UserBuf | None, sig: UserBuf | None
) -> int:
    """io_pgetevents(2): `sig` points at a mask's address and size."""
    if sig is not None:
        pack = sig.read(16)
        addr = int.from_bytes(pack[:8], "little")
        mask = UserBuf(sig.mm, addr) if addr else None
        take_sigmask(task, mask, int.from_bytes(pack[8:], "little"))
    try:
        return do_io_getevents(task, ctx_id, min_nr, nr, events, timeout)
    except SysError:
        restore_saved_sigmask(task)
        raise
