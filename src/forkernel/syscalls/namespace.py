"""setns (setns(2)); unshare is in syscalls/process.py. The rules are in kernel/nsproxy.py."""

from __future__ import annotations

from forkernel.abi.types import I32
from forkernel.kernel import nsproxy
from forkernel.kernel.task import Task
from forkernel.syscalls.registry import syscall


@syscall("setns")
def sys_setns(task: Task, fd: I32, nstype: I32) -> int:
    """setns(2)."""
    nsproxy.setns(task, fd, nstype)
    return 0
