"""Calls of process groups and sessions; the rules are in kernel/session.py."""

from __future__ import annotations

from forkernel.abi.errno import ESRCH
from forkernel.abi.types import I32
from forkernel.errors import SysError
from forkernel.kernel import session
from forkernel.kernel.pid import find_task_by_vpid, pid_vnr
from forkernel.kernel.task import Task
from forkernel.syscalls.registry import syscall


def _find(task: Task, pid: int) -> Task:
    """The task of this PID (0: the caller); ESRCH."""
    found = find_task_by_vpid(task, pid) if pid else task
    if found is None:
        raise SysError(ESRCH)
    return found


@syscall("setpgid")
def sys_setpgid(task: Task, pid: I32, pgid: I32) -> int:
    """setpgid(2)."""
    session.setpgid(task, pid, pgid)
    return 0


@syscall("getpgid")
def sys_getpgid(task: Task, pid: I32) -> int:
    """getpgid(2)."""
    return pid_vnr(_find(task, pid).signal.pgrp, task)


@syscall("getpgrp")
def sys_getpgrp(task: Task) -> int:
    """getpgrp(2)."""
    return pid_vnr(task.signal.pgrp, task)


@syscall("getsid")
def sys_getsid(task: Task, pid: I32) -> int:
    """getsid(2)."""
    return pid_vnr(_find(task, pid).signal.session, task)


@syscall("setsid")
def sys_setsid(task: Task) -> int:
    """setsid(2)."""
    return session.setsid(task)


@syscall("vhangup")
def sys_vhangup(task: Task) -> int:
    """vhangup(2)."""
    from forkernel.kernel.tty_jobctrl import vhangup_self

    vhangup_self(task)
    return 0
