"""Who may look into whom: the access check that ptrace, /proc/PID and pidfd_getfd share (ptrace(2))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.capability import CAP_SYS_PTRACE
from forkernel.kernel.cred import ns_capable

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

SUID_DUMP_DISABLE, SUID_DUMP_USER = 0, 1
"""mm.dumpable: 1 for an ordinary process."""


def ptrace_may_access(task: Task, target: Task, *, fscreds: bool = False) -> bool:
    """Whether `task` may inspect `target` ("Ptrace access mode checking"; `fscreds`: PTRACE_MODE_FSCREDS)."""
    if task.signal is target.signal:
        return True
    cred, other = task.cred, target.cred
    uid, gid = (cred.fsuid, cred.fsgid) if fscreds else (cred.uid, cred.gid)
    same_user = uid == other.uid == other.euid == other.suid and gid == other.gid == other.egid == other.sgid
    if not same_user and not ns_capable(task, other.user_ns, CAP_SYS_PTRACE):
        return False
    if target.mm is not None and target.mm.dumpable != SUID_DUMP_USER:
        if not ns_capable(task, target.mm.user_ns, CAP_SYS_PTRACE):
            return False
    mine = cred.cap_effective if fscreds else cred.cap_permitted
    if cred.user_ns is other.user_ns and not other.cap_permitted & ~mine:
        return True
    return ns_capable(task, other.user_ns, CAP_SYS_PTRACE)
