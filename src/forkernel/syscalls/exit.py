"""exit(2) of one thread, exit_group(2) of the process."""

from __future__ import annotations

from forkernel.abi.types import I32
from forkernel.abi.wait import exit_status
from forkernel.kernel.exit import do_exit, do_group_exit
from forkernel.kernel.task import Task
from forkernel.syscalls.registry import syscall


@syscall("exit")
def sys_exit(task: Task, code: I32) -> int:
    """End the calling thread."""
    do_exit(task, exit_status(code))
    return 0


@syscall("exit_group")
def sys_exit_group(task: Task, code: I32) -> int:
    """End all threads of the process."""
    do_group_exit(task, exit_status(code))
    return 0
