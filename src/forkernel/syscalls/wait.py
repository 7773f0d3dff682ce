"""wait4(2), waitid(2)."""

from __future__ import annotations

from forkernel.abi.resource import RUsage
from forkernel.abi.types import I32, U32
from forkernel.kernel.task import Task
from forkernel.kernel.wait4 import kernel_wait4, kernel_waitid
from forkernel.mm.uaccess import UserBuf, UserOut
from forkernel.syscalls.registry import syscall


@syscall("wait4")
def sys_wait4(task: Task, pid: I32, status: UserOut[I32] | None, options: U32, usage: UserOut[RUsage] | None) -> int:
    """Wait for a child to change state."""
    return kernel_wait4(task, pid, status, options, usage)


@syscall("waitid")
def sys_waitid(
    task: Task, which: I32, upid: I32, info: UserBuf | None, options: U32, usage: UserOut[RUsage] | None
) -> int:
    """Wait for a child to change state; details in a siginfo_t."""
    return kernel_waitid(task, which, upid, info, options, usage)
