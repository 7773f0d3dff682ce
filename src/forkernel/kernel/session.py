"""Process groups and sessions (setpgid(2), setsid(2), credentials(7)): job control's bookkeeping.

`setpgid` and `setsid` move a process; `will_become_orphaned_pgrp` asks whether anybody is left who could
continue a stopped group, and `kill_orphaned_pgrp` hangs up such a group at an exit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import EACCES, EINVAL, EPERM, ESRCH
from forkernel.abi.signal import SIGCONT, SIGHUP
from forkernel.errors import SysError
from forkernel.kernel.signal import kill_pgrp
from forkernel.kernel.task import PF_FORKNOEXEC, SIGNAL_STOP_STOPPED

if TYPE_CHECKING:
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task


def setpgid(current: Task, pid: int, pgid: int) -> None:
    """Put process `pid` (0: the caller) into group `pgid` (0: its own new one).

    EINVAL: negative group, or not a process; ESRCH: neither the caller nor a child; EACCES: the child has
    called execve; EPERM: another session, a session leader, or a group that is not in the session.
    """
    leader = current.group_leader
    pid = pid or leader.pid
    pgid = pgid or pid
    if pgid < 0:
        raise SysError(EINVAL)
    system = current.system
    task = system.pids.find(pid)
    if task is None:
        raise SysError(ESRCH)
    if not task.is_leader:
        raise SysError(EINVAL)
    if task.real_parent.signal is leader.signal:
        if task.signal.session != leader.signal.session:
            raise SysError(EPERM)
        if not task.flags & PF_FORKNOEXEC:
            raise SysError(EACCES)
    elif task is not leader:
        raise SysError(ESRCH)
    if task.signal.leader:
        raise SysError(EPERM)
    if pgid != pid:
        members = system.pids.pgrp(pgid)
        if not members or members[0].signal.session != leader.signal.session:
            raise SysError(EPERM)
    if task.signal.pgrp != pgid:
        system.pids.change_pgrp(task, pgid)


def setsid(current: Task) -> int:
    """Make the caller leader of a new session and group without a terminal; returns its ID.

    EPERM for a session leader, or when a group already has the caller's PID as its number.
    """
    leader = current.group_leader
    pids = current.system.pids
    if leader.signal.leader or pids.pgrp(leader.pid):
        raise SysError(EPERM)
    leader.signal.leader = True
    pids.change_session(leader, leader.pid)
    pids.change_pgrp(leader, leader.pid)
    leader.signal.tty = None
    return leader.pid


def will_become_orphaned_pgrp(system: System, pgrp: int, ignored: Task | None) -> bool:
    """Whether no member (but `ignored`) has a parent in another group of the same session."""
    for task in system.pids.pgrp(pgrp):
        if task is ignored or (task.exit_state and len(task.signal.threads) == 1):
            continue
        parent = task.real_parent
        if parent.tgid == 1:
            continue
        if parent.signal.pgrp != pgrp and parent.signal.session == task.signal.session:
            return False
    return True


def is_current_pgrp_orphaned(current: Task) -> bool:
    """Whether the caller's group is orphaned: SIGTSTP, SIGTTIN and SIGTTOU do not stop it (setpgid(2))."""
    return will_become_orphaned_pgrp(current.system, current.signal.pgrp, None)


def has_stopped_jobs(system: System, pgrp: int) -> bool:
    """Whether a process of the group is stopped."""
    return any(task.signal.flags & SIGNAL_STOP_STOPPED for task in system.pids.pgrp(pgrp))


def kill_orphaned_pgrp(task: Task, parent: Task | None) -> None:
    """A group with stopped members that loses its last link to the session gets SIGHUP, then SIGCONT.

    `parent` None: `task` itself is exiting and its group may be orphaned. Else `task` is a child about to
    get a new parent, and `parent` is the one it loses.
    """
    pgrp = task.signal.pgrp
    ignored = task if parent is None else None
    parent = task.real_parent if parent is None else parent
    if parent.signal.pgrp == pgrp or parent.signal.session != task.signal.session:
        return
    system = task.system
    if will_become_orphaned_pgrp(system, pgrp, ignored) and has_stopped_jobs(system, pgrp):
        kill_pgrp(system, pgrp, SIGHUP)
        kill_pgrp(system, pgrp, SIGCONT)


def disassociate_ctty(task: Task, on_exit: bool) -> None:
    """A session leader gives up its terminal: the foreground group is hung up, the session loses the terminal.

    At its exit (`on_exit`) the foreground group gets SIGHUP; with TIOCNOTTY also SIGCONT (tty_ioctl(4)).
    """
    signal = task.signal
    tty, signal.tty = signal.tty, None
    if not signal.leader:
        return
    system = task.system
    if tty is not None:
        if tty.pgrp:
            kill_pgrp(system, tty.pgrp, SIGHUP)
            kill_pgrp(system, tty.pgrp, SIGCONT)
        tty.session = tty.pgrp = 0
    for member in system.pids.session(signal.session):
        member.signal.tty = None
