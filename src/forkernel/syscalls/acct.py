"""acct(2): process accounting."""

from __future__ import annotations

from forkernel.kernel.acct import acct
from forkernel.kernel.task import Task
from forkernel.mm.uaccess import UserStr
from forkernel.syscalls.registry import syscall


@syscall("acct", caveat="goes on when the file system is nearly full")
def sys_acct(task: Task, path: UserStr | None) -> int:
    """acct(2)."""
    acct(task, None if path is None else path.get())
    return 0
