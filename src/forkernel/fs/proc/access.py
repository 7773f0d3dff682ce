"""Who may look into a process: the check before files and links of /proc/PID (proc(5), ptrace(2))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EACCES, ESRCH
from forkernel.errors import SysError

if TYPE_CHECKING:
    from forkernel.kernel.task import Task


def may_access(inode: Any, reader: Task) -> Task:
    """The task an inode tells about, if the reader may look into it (PTRACE_MODE_READ_FSCREDS); ESRCH, EACCES."""
    target: Task = inode.dir.get_task()
    if not inode.sb.kernel.ptrace_may_access(reader, target):
        raise SysError(EACCES)
    return target


def check_memory(inode: Any, task: Task) -> None:
    """An open that needs access to the target and its memory; ESRCH for who has none (Linux: proc_mem_open)."""
    if may_access(inode, task).mm is None:
        raise SysError(ESRCH)


def check_access(inode: Any, task: Task) -> None:
    """An open that needs access to the target."""
    may_access(inode, task)
