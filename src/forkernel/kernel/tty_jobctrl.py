"""Job control at a terminal (Linux: drivers/tty/tty_jobctrl.c; tty_ioctl(4), setpgid(2), credentials(7)).

`tty_check_change` keeps background processes off the terminal; `tty_jobctrl_ioctl` serves the requests about
its session and foreground group; `tty_signal_session_leader` tells a session that its terminal is gone,
`disassociate_ctty` the terminal that its session is. The room tty/ reaches this as `system.tty_jobctrl`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EINVAL, EIO, ENOTTY, EPERM, ERESTARTSYS, ESRCH
from forkernel.abi.ioctl import TIOCGPGRP, TIOCGSID, TIOCNOTTY, TIOCSCTTY, TIOCSPGRP
from forkernel.abi.signal import SIG_DFL, SIGCONT, SIGHUP, SIGTSTP, SIGTTIN, SIGTTOU
from forkernel.errors import SysError
from forkernel.fs.inode import global_caps
from forkernel.kernel.pid import PIDTYPE_PGID, PIDTYPE_SID, find_vpid, pid_vnr
from forkernel.kernel.session import is_current_pgrp_orphaned, will_become_orphaned_pgrp
from forkernel.kernel.signal import is_ignored, kill_pgrp, send_signal, sig_handler

if TYPE_CHECKING:
    from forkernel.kernel.pid import Pid
    from forkernel.kernel.system import System
    from forkernel.kernel.task import SignalStruct, Task

CAP_SYS_ADMIN = 1 << 21
CAP_SYS_TTY_CONFIG = 1 << 26


def tty_check_change(task: Task, tty: Any, sig: int) -> None:
    """A process touches the terminal: stop it (`sig` to its group) if it is in the background.

    Not if it ignores or blocks the signal: then reading (SIGTTIN) is EIO and writing is allowed. EIO for an
    orphaned group.
    """
    pgrp = task.signal.pgrp
    if task.signal.tty is not tty or tty.pgrp is None or tty.pgrp is pgrp:
        return
    if is_ignored(task, sig):
        if sig == SIGTTIN:
            raise SysError(EIO)
        return
    if is_current_pgrp_orphaned(task):
        raise SysError(EIO)
    kill_pgrp(pgrp, sig)
    raise SysError(ERESTARTSYS)


def job_control(task: Task, file: Any) -> None:
    """Before a read: SIGTTIN in the background, but not at /dev/console."""
    if not file.console and task.signal.tty is file.tty:
        tty_check_change(task, file.tty, SIGTTIN)


def proc_set_tty(task: Task, tty: Any) -> None:
    """Make `tty` the controlling terminal of the session that `task` leads."""
    tty.set_session(task.signal.session)
    tty.set_pgrp(task.signal.pgrp)
    set_tty_old_pgrp(task.signal, None)
    task.signal.tty = tty


def set_tty_old_pgrp(signal: SignalStruct, pgrp: Pid | None) -> None:
    """Remember which group was in the foreground when a leader lost its terminal; the reference moves along."""
    if pgrp is not None:
        pgrp.get()
    if signal.tty_old_pgrp is not None:
        signal.tty_old_pgrp.put()
    signal.tty_old_pgrp = pgrp


def take_console(task: Task) -> None:
    """A program started from outside: the terminal among its descriptors becomes its session's, if it is free."""
    tty = task.system.console
    if tty is not None and task.signal.leader and not task.signal.tty and tty.session is None:
        proc_set_tty(task, tty)


def nobody_to_continue(system: System) -> bool:
    """Whether the foreground group takes SIGTSTP by default but is orphaned, so that it would not stop."""
    pgrp = system.console.pgrp if system.console is not None else None
    if pgrp is None:
        return True
    defaults = all(sig_handler(task, SIGTSTP) == SIG_DFL for task in pgrp.users(PIDTYPE_PGID))
    return defaults and will_become_orphaned_pgrp(pgrp, None)


# --- losing the terminal


def session_clear_tty(tty: Any) -> None:
    """The session has no terminal any more."""
    if tty.session is not None:
        for member in tty.session.users(PIDTYPE_SID):
            member.signal.tty = None


def tty_signal_session_leader(tty: Any, exit_session: bool) -> None:
    """The terminal was hung up: its session loses it, the leader gets SIGHUP and SIGCONT; with `exit_session` the
    foreground group gets SIGHUP too.
    """
    session, pgrp = tty.session, tty.pgrp
    for member in session.users(PIDTYPE_SID) if session is not None else ():
        signal = member.signal
        if signal.tty is tty:
            signal.tty = None
        if signal.leader:
            send_signal(SIGHUP, None, member, group=True)
            send_signal(SIGCONT, None, member, group=True)
            set_tty_old_pgrp(signal, pgrp)
    if pgrp is not None and exit_session:
        kill_pgrp(pgrp, SIGHUP)
    tty.set_session(None)
    tty.set_pgrp(None)


def disassociate_ctty(task: Task, on_exit: bool) -> None:
    """A session leader gives up its terminal, or exits (`on_exit`): the foreground group is hung up, the session loses
    the terminal. A terminal that is no pseudo-terminal is hung up as a whole at the leader's exit.
    """
    signal = task.signal
    if not signal.leader:
        return
    tty = signal.tty
    if tty is not None:
        if on_exit and not tty.is_pty:
            tty.hangup(exit_session=True)
        elif tty.pgrp is not None:
            kill_pgrp(tty.pgrp, SIGHUP)
            if not on_exit:
                kill_pgrp(tty.pgrp, SIGCONT)
    elif on_exit:
        old = signal.tty_old_pgrp
        if old is not None:
            kill_pgrp(old, SIGHUP)
            kill_pgrp(old, SIGCONT)
            set_tty_old_pgrp(signal, None)
        return
    set_tty_old_pgrp(signal, None)
    if signal.tty is not None:
        signal.tty.set_session(None)
        signal.tty.set_pgrp(None)
    for member in signal.session.users(PIDTYPE_SID):
        member.signal.tty = None


def vhangup_self(task: Task) -> None:
    """vhangup(2): EPERM without CAP_SYS_TTY_CONFIG; nothing to do without a terminal."""
    if not global_caps(task.cred) & CAP_SYS_TTY_CONFIG:
        raise SysError(EPERM)
    if task.signal.tty is not None:
        task.signal.tty.hangup()


# --- requests


def tty_jobctrl_ioctl(task: Task, file: Any, tty: Any, cmd: int, arg: int) -> int:
    """TIOCSCTTY, TIOCNOTTY, TIOCGPGRP, TIOCSPGRP, TIOCGSID. `tty` is the slave where `file` is a master."""
    assert task.mm is not None
    if cmd == TIOCSCTTY:
        tiocsctty(task, file, tty, arg)
    elif cmd == TIOCNOTTY:
        if task.signal.tty is not file.tty:
            raise SysError(ENOTTY)
        disassociate_ctty(task, False)
        task.signal.tty = None
    elif cmd == TIOCSPGRP:
        tiocspgrp(task, tty, arg)
    else:
        if tty is file.tty and task.signal.tty is not tty:
            raise SysError(ENOTTY)
        pid = tty.pgrp if cmd == TIOCGPGRP else tty.session
        if pid is None and cmd == TIOCGSID:
            raise SysError(ENOTTY)
        task.mm.write(arg, (pid_vnr(pid, task) if pid is not None else 0).to_bytes(4, "little"))
    return 0


def tiocsctty(task: Task, file: Any, tty: Any, arg: int) -> None:
    """Become the terminal's session: for a leader without one; with arg 1 root takes it from another session."""
    signal = task.signal
    if signal.leader and tty.session is signal.session:
        return
    if not signal.leader or signal.tty is not None:
        raise SysError(EPERM)
    admin = global_caps(task.cred) & CAP_SYS_ADMIN
    if tty.session is not None:
        if arg != 1 or not admin:
            raise SysError(EPERM)
        session_clear_tty(tty)
    if not file.readable and not admin:
        raise SysError(EPERM)
    proc_set_tty(task, tty)


def tiocspgrp(task: Task, tty: Any, arg: int) -> None:
    """Set the foreground group: EINVAL below zero, ESRCH for none, EPERM for one of another session."""
    try:
        tty_check_change(task, tty, SIGTTOU)
    except SysError as error:
        raise SysError(ENOTTY if error.errno == EIO else error.errno) from None
    assert task.mm is not None
    pgrp = int.from_bytes(task.mm.read(arg, 4), "little", signed=True)
    if pgrp < 0:
        raise SysError(EINVAL)
    if task.signal.tty is not tty or tty.session is not task.signal.session:
        raise SysError(ENOTTY)
    pid = find_vpid(task, pgrp)
    if pid is None:
        raise SysError(ESRCH)
    member = next(iter(pid.pgrp), None) if pid.pgrp else pid.task
    if member is None or member.signal.session is not task.signal.session:
        raise SysError(EPERM)
    tty.set_pgrp(pid)
