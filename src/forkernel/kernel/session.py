"""Process groups and sessions (setpgid(2), setsid(2), credentials(7)): job control's bookkeeping.

`setpgid` and `setsid` move a process; `will_become_orphaned_pgrp` asks whether anybody is left who could
continue a stopped group, and `kill_orphaned_pgrp` hangs up such a group at an exit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import EACCES, EINVAL, EPERM, ESRCH
from forkernel.abi.signal import SIGCONT, SIGHUP
from forkernel.errors import SysError
from forkernel.kernel.autogroup import Autogroup
from forkernel.kernel.pid import (
    PIDTYPE_PGID,
    change_pgrp,
    change_session,
    find_task_by_vpid,
    find_vpid,
)
from forkernel.kernel.signal import kill_pgrp
from forkernel.kernel.task import PF_FORKNOEXEC, SIGNAL_STOP_STOPPED

if TYPE_CHECKING:
    from forkernel.kernel.pid import Pid
    from forkernel.kernel.task import Task


def setpgid(current: Task, pid: int, pgid: int) -> None:
    """Put process `pid` (0: the caller) into group `pgid` (0: its own new one).

    EINVAL: negative group, or not a process; ESRCH: neither the caller nor a child; EACCES: the child has
    called execve; EPERM: another session, a session leader, or a group that is not in the session.
    """
    leader = current.group_leader
    pid = pid or leader.thread_pid.nr
    pgid = pgid or pid
    if pgid < 0:
        raise SysError(EINVAL)
    task = find_task_by_vpid(current, pid)
    if task is None:
        raise SysError(ESRCH)
    if not task.is_leader:
        raise SysError(EINVAL)
    if task.real_parent.signal is leader.signal:
        if task.signal.session is not leader.signal.session:
            raise SysError(EPERM)
        if not task.flags & PF_FORKNOEXEC:
            raise SysError(EACCES)
    elif task is not leader:
        raise SysError(ESRCH)
    if task.signal.leader:
        raise SysError(EPERM)
    pgrp = task.thread_pid
    if pgid != pid:
        found = find_vpid(current, pgid)
        if found is None or not found.pgrp or next(iter(found.pgrp)).signal.session is not leader.signal.session:
            raise SysError(EPERM)
        pgrp = found
    if task.signal.pgrp is not pgrp:
        change_pgrp(task, pgrp)


def setsid(current: Task) -> int:
    """Make the caller leader of a new session and group without a terminal; returns its ID.

    EPERM for a session leader, or when a group already has the caller's PID as its number.
    """
    leader = current.group_leader
    pid = leader.thread_pid
    if leader.signal.leader or pid.pgrp:
        raise SysError(EPERM)
    leader.signal.leader = True
    change_session(leader, pid)
    change_pgrp(leader, pid)
    leader.signal.tty = None
    leader.signal.autogroup = Autogroup(leader.system)
    return pid.nr


def will_become_orphaned_pgrp(pgrp: Pid, ignored: Task | None) -> bool:
    """Whether no member (but `ignored`) has a parent in another group of the same session."""
    for task in pgrp.users(PIDTYPE_PGID):
        if task is ignored or (task.exit_state and len(task.signal.threads) == 1):
            continue
        parent = task.real_parent
        if parent.tgid == 1:
            continue
        if parent.signal.pgrp is not pgrp and parent.signal.session is task.signal.session:
            return False
    return True


def is_current_pgrp_orphaned(current: Task) -> bool:
    """Whether the caller's group is orphaned: SIGTSTP, SIGTTIN and SIGTTOU do not stop it (setpgid(2))."""
    return will_become_orphaned_pgrp(current.signal.pgrp, None)


def has_stopped_jobs(pgrp: Pid) -> bool:
    """Whether a process of the group is stopped."""
    return any(task.signal.flags & SIGNAL_STOP_STOPPED for task in pgrp.users(PIDTYPE_PGID))


def kill_orphaned_pgrp(task: Task, parent: Task | None) -> None:
    """A group with stopped members that loses its last link to the session gets SIGHUP, then SIGCONT.

    `parent` None: `task` itself is exiting and its group may be orphaned. Else `task` is a child about to
    get a new parent, and `parent` is the one it loses.
    """
    pgrp = task.signal.pgrp
    ignored = task if parent is None else None
    parent = task.real_parent if parent is None else parent
    if parent.signal.pgrp is pgrp or parent.signal.session is not task.signal.session:
        return
    if will_become_orphaned_pgrp(pgrp, ignored) and has_stopped_jobs(pgrp):
        kill_pgrp(pgrp, SIGHUP)
        kill_pgrp(pgrp, SIGCONT)
