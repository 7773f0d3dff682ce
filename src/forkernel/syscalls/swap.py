"""swapon(2), swapoff(2): there is no swap area, and no file or device here that could hold one."""

from __future__ import annotations

from typing import NoReturn

from forkernel.abi.capability import CAP_SYS_ADMIN
from forkernel.abi.errno import EINVAL, EPERM
from forkernel.abi.fcntl import O_RDWR
from forkernel.abi.types import I32
from forkernel.errors import SysError
from forkernel.kernel.cred import capable
from forkernel.kernel.task import Task
from forkernel.mm.uaccess import UserStr
from forkernel.syscalls.registry import syscall

SWAP_FLAGS_VALID = 0x7FFFF


def _no_area(task: Task, path: UserStr) -> NoReturn:
    """What both calls say of their file: EPERM, errors of open, and then EINVAL, for it is no swap area."""
    if not capable(task, CAP_SYS_ADMIN):
        raise SysError(EPERM)
    task.system.vfs.open(task, path.get(), O_RDWR).put()
    raise SysError(EINVAL)


@syscall("swapon", caveat="no file can hold a swap area, as all file systems are in memory: EINVAL")
def sys_swapon(task: Task, path: UserStr, flags: I32) -> int:
    """swapon(2)."""
    if flags & ~SWAP_FLAGS_VALID:
        raise SysError(EINVAL)
    _no_area(task, path)


@syscall("swapoff", caveat="there is never a swap area: EINVAL")
def sys_swapoff(task: Task, path: UserStr) -> int:
    """swapoff(2)."""
    _no_area(task, path)
