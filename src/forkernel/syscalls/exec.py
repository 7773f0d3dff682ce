"""execve(2), execveat(2)."""

from __future__ import annotations

from forkernel.abi.fcntl import AT_FDCWD
from forkernel.abi.types import I32, U64
from forkernel.kernel.exec import do_execveat
from forkernel.kernel.task import Task
from forkernel.syscalls.registry import syscall


@syscall("execve")
def sys_execve(task: Task, filename: U64, argv: U64, envp: U64) -> int:
    """Run another program in this process."""
    return do_execveat(task, AT_FDCWD, filename, argv, envp, 0)


@syscall("execveat")
def sys_execveat(task: Task, dirfd: I32, filename: U64, argv: U64, envp: U64, flags: I32) -> int:
    """Run a program named relative to a directory, or that a descriptor stands for."""
    return do_execveat(task, dirfd, filename, argv, envp, flags)
