"""Job control at a terminal (Linux: drivers/tty/tty_jobctrl.c; tty_ioctl(4), setpgid(2)).

`tty_check_change` keeps background processes off the terminal; `tty_jobctrl_ioctl` serves the requests about
its session and foreground group; `isig` is what a key like Ctrl-C does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EINVAL, EIO, ENOTTY, EPERM, ERESTARTSYS, ESRCH
from forkernel.abi.ioctl import TIOCGPGRP, TIOCGSID, TIOCNOTTY, TIOCSCTTY, TIOCSPGRP
from forkernel.abi.signal import SIG_DFL, SIGTSTP, SIGTTIN, SIGTTOU
from forkernel.errors import SysError
from forkernel.fs.inode import global_caps
from forkernel.fs.tty import TtyFile
from forkernel.kernel.pid import PIDTYPE_PGID, PIDTYPE_SID, find_vpid, pid_vnr
from forkernel.kernel.session import disassociate_ctty, is_current_pgrp_orphaned, will_become_orphaned_pgrp
from forkernel.kernel.signal import is_ignored, kill_pgrp, sig_handler

if TYPE_CHECKING:
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task

CAP_SYS_ADMIN = 1 << 21
JOBCTRL_REQUESTS = (TIOCSCTTY, TIOCNOTTY, TIOCGPGRP, TIOCSPGRP, TIOCGSID)


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


def proc_set_tty(task: Task, tty: Any) -> None:
    """Make `tty` the controlling terminal of the session that `task` leads."""
    tty.set_session(task.signal.session)
    tty.set_pgrp(task.signal.pgrp)
    task.signal.tty = tty


def take_console(task: Task) -> None:
    """A program started from outside: the terminal among its descriptors becomes its session's, if it is free."""
    assert task.files is not None
    for _, file in task.files.items():
        if isinstance(file, TtyFile) and task.signal.leader and not task.signal.tty and file.tty.session is None:
            proc_set_tty(task, file.tty)


def isig(system: System, tty: Any, sig: int) -> None:
    """The user typed the key for `sig`: the foreground group gets it."""
    if tty.pgrp is not None:
        kill_pgrp(tty.pgrp, sig)


def nobody_to_continue(system: System) -> bool:
    """Whether the foreground group takes SIGTSTP by default but is orphaned, so that it would not stop."""
    pgrp = system.console.pgrp if system.console is not None else None
    if pgrp is None:
        return True
    defaults = all(sig_handler(task, SIGTSTP) == SIG_DFL for task in pgrp.users(PIDTYPE_PGID))
    return defaults and will_become_orphaned_pgrp(pgrp, None)


def tty_jobctrl_ioctl(task: Task, tty: Any, cmd: int, arg: int) -> int:
    """TIOCSCTTY, TIOCNOTTY, TIOCGPGRP, TIOCSPGRP, TIOCGSID."""
    assert task.mm is not None
    if cmd == TIOCSCTTY:
        tiocsctty(task, tty, arg)
        return 0
    if cmd == TIOCSPGRP:
        tty_check_change(task, tty, SIGTTOU)
    if task.signal.tty is not tty:
        raise SysError(ENOTTY)
    if cmd == TIOCNOTTY:
        disassociate_ctty(task, False)
    elif cmd == TIOCGPGRP:
        task.mm.write(arg, pid_vnr(tty.pgrp, task).to_bytes(4, "little"))
    elif cmd == TIOCGSID:
        if tty.session is None:
            raise SysError(ENOTTY)
        task.mm.write(arg, pid_vnr(tty.session, task).to_bytes(4, "little"))
    else:
        tiocspgrp(task, tty, int.from_bytes(task.mm.read(arg, 4), "little", signed=True))
    return 0


def tiocsctty(task: Task, tty: Any, arg: int) -> None:
    """Become the terminal's session: for a leader without one; with arg 1 root takes it from another session."""
    signal = task.signal
    if signal.leader and tty.session is signal.session:
        return
    if not signal.leader or signal.tty is not None:
        raise SysError(EPERM)
    if tty.session is not None:
        if arg != 1 or not global_caps(task.cred) & CAP_SYS_ADMIN:
            raise SysError(EPERM)
        for member in tty.session.users(PIDTYPE_SID):
            member.signal.tty = None
    proc_set_tty(task, tty)


def tiocspgrp(task: Task, tty: Any, pgrp: int) -> None:
    """Set the foreground group: EINVAL below zero, ESRCH for none, EPERM for one of another session."""
    if tty.session is not task.signal.session:
        raise SysError(ENOTTY)
    if pgrp < 0:
        raise SysError(EINVAL)
    pid = find_vpid(task, pgrp)
    if pid is None:
        raise SysError(ESRCH)
    member = next(iter(pid.pgrp), None) if pid.pgrp else pid.task
    if member is None or member.signal.session is not task.signal.session:
        raise SysError(EPERM)
    tty.set_pgrp(pid)
