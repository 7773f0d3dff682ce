"""Standard input, output and error of a run: the host's own descriptors, or memory.

`host_file` makes the guest's file for a descriptor of the host; where that is a terminal and the guest shall have it as
one, api.py gives it the console instead (tty/console.py).
`CaptureFile` keeps what is written for the API; `bytes_input` is a pipe that holds given bytes and then ends.

The host is never waited for inside a call: a read of a descriptor that is not readable sleeps on its
`HostInput`, which the idle loop selects on while nothing else can run.
"""

from __future__ import annotations

import os
import select
import stat
from typing import Any

from forkernel.abi.errno import EAGAIN, EBADF, EINVAL, ENOTTY, EPIPE, ESPIPE
from forkernel.abi.fcntl import O_LARGEFILE, O_NONBLOCK, O_RDONLY, O_WRONLY
from forkernel.abi.ioctl import FIONREAD
from forkernel.abi.poll import IN_MASK, OUT_MASK
from forkernel.abi.stat import S_IFCHR, S_IFIFO, S_IFMT, S_IFREG, makedev
from forkernel.errors import SysError
from forkernel.fs.anon import internal_sb
from forkernel.fs.file import File
from forkernel.fs.inode import Inode, NoPool, Superblock
from forkernel.fs.pipe import PAGE_SIZE, PipeFile, PipeInodeInfo
from forkernel.wait import Sleep, WaitQueue

SIGPIPE = 13
NULL_RDEV = makedev(1, 3)
READ_MAX = 1 << 20
"""Most bytes asked of the host at once."""


class HostInput:
    """A host descriptor to be read from, and who waits for it. In `system.host_inputs` by number.

    The idle loop selects on the descriptors that are `wanted` and calls `wake_up` for each readable one. One
    wake-up is given per readiness: after it the descriptor is not wanted until somebody looked again.
    """

    __slots__ = ("host_fd", "reported", "wait")

    def __init__(self, host_fd: int) -> None:
        self.host_fd = host_fd
        self.wait = WaitQueue()
        self.reported = False

    def wanted(self) -> bool:
        """Whether somebody waits for it to become readable."""
        return bool(self.wait.waiters) and not self.reported

    def wake_up(self) -> None:
        """It is readable: those who wait look again."""
        self.reported = True
        self.wait.wake_up()

    def ready(self) -> bool:
        """Whether a read would not block now."""
        try:
            readable = bool(select.select([self.host_fd], [], [], 0)[0])
        except (OSError, ValueError):
            return True
        self.reported = False
        return readable


def host_input(system: Any, host_fd: int) -> HostInput:
    """The one HostInput of a host descriptor, registered with the machine."""
    found: HostInput | None = system.host_inputs.get(host_fd)
    if found is None:
        found = system.host_inputs[host_fd] = HostInput(host_fd)
    return found


def host_read(host_fd: int, count: int) -> bytes:
    """Read from the host; its errors are the guest's."""
    try:
        return os.read(host_fd, min(count, READ_MAX))
    except OSError as error:
        raise SysError(error.errno or EINVAL) from None


def host_write(task: Any, host_fd: int, data: bytes) -> int:
    """Write all of `data` to the host, waiting for it if need be; a closed pipe is SIGPIPE and EPIPE."""
    done, size = 0, len(data)
    while done < size:
        try:
            done += os.write(host_fd, data[done:] if done else data)
        except BlockingIOError:
            select.select([], [host_fd], [])
        except BrokenPipeError:
            task.send_signal(SIGPIPE)
            raise SysError(EPIPE) from None
        except OSError as error:
            if done:
                return done
            raise SysError(error.errno or EINVAL) from None
    return done


class StdioInode(Inode):
    """The file behind a standard descriptor; opening it again (/dev/stdout) gives the same thing once more."""

    __slots__ = ("file",)

    def __init__(self, sb: Superblock, mode: int, rdev: int = 0) -> None:
        super().__init__(sb, mode, rdev=rdev)
        self.file: StdioFile | None = None

    def open(self, task: Any, flags: int) -> File:
        """Another open file for the same end."""
        assert self.file is not None
        return self.file.reopen(flags)

    def truncate(self, size: int) -> None:
        """`> /dev/stderr` where that is a host file: it is not cut, what comes is appended at its position."""

    def getattr(self, task: Any) -> None:
        """The size of a host file."""
        if self.mode & S_IFMT == S_IFREG and isinstance(self.file, HostFile):
            self.size = os.fstat(self.file.host_fd).st_size


class StdioFile(File):
    """What host files and captures have in common."""

    __slots__ = ()

    splice_read = splice_write = True

    def reopen(self, flags: int) -> File:
        """The same end, opened with other flags."""
        raise NotImplementedError

    def can_poll(self) -> bool:
        """Not for a regular file of the host."""
        mode: int = self.inode.mode
        return mode & S_IFMT != S_IFREG


class HostFile(StdioFile):
    """A host descriptor that is not a terminal."""

    __slots__ = ("host_fd", "input")

    def __init__(self, inode: Inode, flags: int, path: Any, source: HostInput) -> None:
        super().__init__(inode, flags, path)
        self.host_fd = source.host_fd
        self.input = source

    def reopen(self, flags: int) -> File:
        """Shares the host's descriptor, and so its position: nothing is truncated."""
        return HostFile(self.inode, flags, self.path, self.input)

    def read(self, task: Any, count: int) -> bytes:
        """What the host has; EAGAIN or Sleep while it has nothing."""
        if not self.readable:
            raise SysError(EBADF)
        if not count:
            return b""
        if not self.input.ready():
            if self.flags & O_NONBLOCK:
                raise SysError(EAGAIN)
            raise Sleep(self.input.wait)
        return host_read(self.host_fd, count)

    def unread(self, data: bytes) -> None:
        """Move a host file's position back; what came from a pipe is lost."""
        if self.inode.mode & S_IFMT == S_IFREG:
            os.lseek(self.host_fd, -len(data), os.SEEK_CUR)

    def write(self, task: Any, data: bytes) -> int:
        """All of it, to the host."""
        if not self.writable:
            raise SysError(EBADF)
        return host_write(task, self.host_fd, data)

    def pread(self, task: Any, offset: int, count: int) -> bytes:
        """Read a host file at `offset`; ESPIPE for others."""
        if self.inode.mode & S_IFMT != S_IFREG:
            raise SysError(ESPIPE)
        if not self.readable:
            raise SysError(EBADF)
        try:
            return os.pread(self.host_fd, min(count, READ_MAX), offset)
        except OSError as error:
            raise SysError(error.errno or EINVAL) from None

    def seek(self, offset: int, whence: int) -> int:
        """Move the host's own position."""
        if self.inode.mode & S_IFMT != S_IFREG:
            raise SysError(ESPIPE)
        try:
            return os.lseek(self.host_fd, offset, whence)
        except OSError as error:
            raise SysError(error.errno or EINVAL) from None

    def poll(self, task: Any) -> int:
        """Readable when the host says so; always writable."""
        mask = IN_MASK if self.readable and self.input.ready() else 0
        return mask | OUT_MASK if self.writable else mask

    def poll_queues(self) -> tuple[WaitQueue, ...]:
        """The input's."""
        return (self.input.wait,) if self.readable else ()

    def ioctl(self, task: Any, cmd: int, arg: int) -> int:
        """FIONREAD of a pipe."""
        if cmd != FIONREAD or self.inode.mode & S_IFMT != S_IFIFO:
            raise SysError(ENOTTY)
        import fcntl

        task.mm.write(arg, fcntl.ioctl(self.host_fd, FIONREAD, bytes(4)))
        return 0


class CaptureFile(StdioFile):
    """Output kept in memory: `data` grows with every write. Looks like the writing end of a pipe."""

    __slots__ = ("data",)

    def __init__(self, inode: Inode, flags: int, path: Any, data: bytearray) -> None:
        super().__init__(inode, flags, path)
        self.data = data

    def reopen(self, flags: int) -> File:
        """Writes go to the same bytes."""
        return CaptureFile(self.inode, flags, self.path, self.data)

    def write(self, task: Any, data: bytes) -> int:
        """Keep it."""
        if not self.writable:
            raise SysError(EBADF)
        self.data += data
        return len(data)

    def poll(self, task: Any) -> int:
        """Always writable."""
        return OUT_MASK


# --- making them


def stdio_inode(vfs: Any, mode: int, rdev: int = 0) -> tuple[StdioInode, Any]:
    """An inode for a standard descriptor and its path, named as Linux names files without a name."""
    inode = StdioInode(internal_sb(vfs, b"pipefs"), mode, rdev)
    kind = b"pipe" if mode & S_IFMT == S_IFIFO else b"host"
    return inode, vfs.pseudo_path(inode, b"%s:[%d]" % (kind, inode.ino))


def host_file(system: Any, host_fd: int) -> File | None:
    """The guest's file for a descriptor of the host; None where the host has it closed (or holds it by O_PATH)."""
    try:
        status = os.fstat(host_fd)
    except OSError:
        return None
    if host_flags(host_fd) & getattr(os, "O_PATH", 0):
        return None
    mode = status.st_mode
    rdev = status.st_rdev if stat.S_IFMT(mode) == S_IFCHR else 0
    access = host_flags(host_fd) & os.O_ACCMODE
    if rdev == NULL_RDEV:
        null: File = system.vfs.open(system.vfs.boot_task(), b"/dev/null", access)
        return null
    inode, path = stdio_inode(system.vfs, mode, rdev)
    inode.size = status.st_size if stat.S_ISREG(mode) else 0
    large = 0 if stat.S_ISFIFO(mode) else O_LARGEFILE
    file = HostFile(inode, access | large, path, host_input(system, host_fd))
    inode.file = file
    return file


def host_flags(host_fd: int) -> int:
    """How the host has a descriptor open: O_* flags."""
    import fcntl

    return fcntl.fcntl(host_fd, fcntl.F_GETFL)


def capture_file(vfs: Any, data: bytearray) -> CaptureFile:
    """A file that appends what is written to `data`."""
    inode, path = stdio_inode(vfs, S_IFIFO | 0o600)
    file = inode.file = CaptureFile(inode, O_WRONLY, path, data)
    return file


def bytes_input(vfs: Any, data: bytes) -> PipeFile:
    """The reading end of a pipe without writers that holds `data`."""
    inode = Inode(internal_sb(vfs, b"pipefs"), S_IFIFO | 0o600)
    pipe = inode.pipe = PipeInodeInfo(NoPool(), readers=1)
    pipe.w_counter = 1
    pipe.max_usage = max(pipe.max_usage, -(-len(data) // PAGE_SIZE))
    pipe.push(data)
    return PipeFile(inode, O_RDONLY, pipe, vfs.pseudo_path(inode, b"pipe:[%d]" % inode.ino))


__all__ = ["CaptureFile", "HostFile", "HostInput", "bytes_input", "capture_file", "host_file"]
