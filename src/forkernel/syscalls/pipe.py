"""pipe and pipe2."""

from __future__ import annotations

from forkernel.abi.errno import EINVAL
from forkernel.abi.fcntl import O_CLOEXEC, O_DIRECT, O_NONBLOCK
from forkernel.abi.types import I32
from forkernel.errors import SysError
from forkernel.fs.fdtable import fd_install
from forkernel.fs.pipe import create_pipe_files
from forkernel.kernel.task import Task
from forkernel.mm.uaccess import UserOut
from forkernel.syscalls.registry import syscall


@syscall("pipe")
def sys_pipe(task: Task, fildes: UserOut[I32]) -> int:
    """pipe(2)."""
    return do_pipe2(task, fildes, 0)


@syscall("pipe2")
def sys_pipe2(task: Task, fildes: UserOut[I32], flags: I32) -> int:
    """pipe2(2)."""
    return do_pipe2(task, fildes, flags)


def do_pipe2(task: Task, fildes: UserOut[I32], flags: int) -> int:
    """Make a pipe and two descriptors for it; neither stays if the numbers cannot be stored."""
    if flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT):
        raise SysError(EINVAL)
    reader, writer = create_pipe_files(task, flags & ~O_CLOEXEC)
    cloexec = bool(flags & O_CLOEXEC)
    files = task.files
    assert files is not None
    try:
        first = fd_install(task, reader, cloexec)
    except SysError:
        writer.put()
        raise
    try:
        second = fd_install(task, writer, cloexec)
    except SysError:
        files.close(task, first)
        raise
    try:
        fildes.put_array((first, second))
    except SysError:
        files.close(task, first)
        files.close(task, second)
        raise
    return 0
