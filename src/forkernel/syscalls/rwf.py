"""preadv2 and pwritev2: reading and writing with flags for the one call (Linux: kiocb_set_rw_flags)."""

from __future__ import annotations

from forkernel.abi.errno import EINVAL, EOPNOTSUPP, EPIPE
from forkernel.abi.fcntl import O_APPEND, O_NONBLOCK
from forkernel.abi.stat import s_isreg
from forkernel.abi.types import I32, I64, U64
from forkernel.errors import SysError
from forkernel.fs.file import File, RegFile
from forkernel.fs.pipe import PipeFile
from forkernel.kernel.task import Task
from forkernel.mm.iov_iter import import_iovec
from forkernel.mm.uaccess import UserBuf
from forkernel.syscalls.io import counted_read, counted_write, files_of
from forkernel.syscalls.registry import syscall

RWF_HIPRI = 0x1
RWF_DSYNC = 0x2
RWF_SYNC = 0x4
RWF_NOWAIT = 0x8
RWF_APPEND = 0x10
RWF_NOAPPEND = 0x20
RWF_ATOMIC = 0x40
RWF_DONTCACHE = 0x80
RWF_NOSIGNAL = 0x100
RWF_ALL = 0x1FF


def kiocb_set_rw_flags(file: File, flags: int, write: bool) -> None:
    """EOPNOTSUPP for flags that Linux or the file does not have, EINVAL for two that contradict each other.

    RWF_HIPRI is for devices that are polled, and changes nothing for others. Files on tmpfs take neither RWF_NOWAIT
    nor RWF_DONTCACHE, other regular files no RWF_NOWAIT for writing.
    """
    if flags & ~RWF_ALL:
        raise SysError(EOPNOTSUPP)
    if flags & RWF_APPEND and flags & RWF_NOAPPEND:
        raise SysError(EINVAL)
    on_disk = isinstance(file, RegFile) and file.inode.sb.type != b"tmpfs"
    if flags & RWF_ATOMIC or (flags & RWF_DONTCACHE and not on_disk):
        raise SysError(EOPNOTSUPP)
    if flags & RWF_NOWAIT and not (file.nowait or (on_disk and not write)):
        raise SysError(EOPNOTSUPP)


class OneCall:
    """The file's flags while a call with flags of its own is on; such a call never sleeps with them changed."""

    __slots__ = ("file", "kept", "wanted")

    def __init__(self, file: File, flags: int) -> None:
        self.file = file
        self.kept = self.wanted = file.flags
        if flags & RWF_NOWAIT:
            self.wanted |= O_NONBLOCK
        if flags & RWF_APPEND:
            self.wanted |= O_APPEND
        elif flags & RWF_NOAPPEND:
            self.wanted &= ~O_APPEND

    def __enter__(self) -> None:
        self.file.flags = self.wanted

    def __exit__(self, *error: object) -> None:
        self.file.flags = self.kept


def check_position(pos: int) -> int:
    """Where to read or write, -1 for the file's own position; EINVAL below that."""
    if pos < -1:
        raise SysError(EINVAL)
    return pos


@syscall("preadv2")
def sys_preadv2(task: Task, fd: U64, vec: UserBuf, vlen: U64, pos: I64, pos_high: U64, flags: I32) -> int:
    """preadv2(2): position -1 means the file's own."""
    file = files_of(task, fd)
    iov = import_iovec(vec, vlen)
    at = check_position(pos)
    if not flags:
        return counted_read(task, file, iov, at)
    kiocb_set_rw_flags(file, flags, write=False)
    with OneCall(file, flags & RWF_NOWAIT):
        return counted_read(task, file, iov, at)


@syscall("pwritev2")
def sys_pwritev2(task: Task, fd: U64, vec: UserBuf, vlen: U64, pos: I64, pos_high: U64, flags: I32) -> int:
    """pwritev2(2): position -1 means the file's own; RWF_APPEND writes at the end."""
    file = files_of(task, fd)
    iov = import_iovec(vec, vlen)
    at = check_position(pos)
    if not flags:
        return counted_write(task, file, iov, at)
    kiocb_set_rw_flags(file, flags, write=True)
    if flags & RWF_NOSIGNAL and isinstance(file, PipeFile) and file.writable and not file.pipe.readers and iov.left:
        raise SysError(EPIPE)
    with OneCall(file, flags):
        done = counted_write(task, file, iov, at)
    if flags & (RWF_DSYNC | RWF_SYNC) and file.inode is not None and s_isreg(file.inode.mode):
        file.fsync(not flags & RWF_SYNC)
    return done
