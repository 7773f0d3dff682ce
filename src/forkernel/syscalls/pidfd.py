"""pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2)."""

from __future__ import annotations

from forkernel.abi.errno import EINVAL
from forkernel.abi.types import I32, U32
from forkernel.errors import SysError
from forkernel.kernel.pidfd import pidfd_getfd, pidfd_open, pidfd_send_signal, pidfd_signal_target
from forkernel.kernel.task import Task
from forkernel.mm.uaccess import UserBuf
from forkernel.syscalls.registry import syscall
from forkernel.syscalls.signal import read_siginfo


@syscall("pidfd_open")
def sys_pidfd_open(task: Task, pid: I32, flags: U32) -> int:
    """A descriptor that stands for a process."""
    return pidfd_open(task, pid, flags)


@syscall("pidfd_send_signal")
def sys_pidfd_send_signal(task: Task, pidfd: I32, sig: I32, info: UserBuf | None, flags: U32) -> int:
    """kill(2) by descriptor, with a siginfo_t if given."""
    target, scope = pidfd_signal_target(task, pidfd, flags)
    details = None
    if info is not None:
        signo = int.from_bytes(info.read(4), "little", signed=True)
        details = read_siginfo(info, signo)
        if signo != sig:
            raise SysError(EINVAL)
    pidfd_send_signal(task, target, scope, sig, details)
    return 0


@syscall("pidfd_getfd")
def sys_pidfd_getfd(task: Task, pidfd: I32, fd: I32, flags: U32) -> int:
    """A duplicate of another process's descriptor."""
    if flags:
        raise SysError(EINVAL)
    return pidfd_getfd(task, pidfd, fd)
