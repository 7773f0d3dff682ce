"""Signal-driven input and output: who gets SIGIO or SIGURG for a file (Linux: fs/fcntl.c, fcntl(2), signal(7)).

Life cycle: `f_setown` (F_SETOWN, F_SETOWN_EX, FIOSETOWN) notes the owner, F_SETSIG another signal, and O_ASYNC set by
`set_async` with which descriptor it was set. A file that has news then calls `kill_fasync`, if its `f_owner` is not
None; a socket with urgent data calls `send_sigurg`, which O_ASYNC need not be set for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EAGAIN, EINVAL, ESRCH
from forkernel.abi.fcntl import F_OWNER_PGRP, F_OWNER_PID, F_OWNER_TID, FASYNC
from forkernel.abi.poll import (
    EPOLLERR,
    EPOLLHUP,
    EPOLLIN,
    EPOLLOUT,
    EPOLLPRI,
    EPOLLRDNORM,
    EPOLLWRBAND,
    EPOLLWRNORM,
)
from forkernel.abi.signal import (
    SI_KERNEL,
    SI_SIGIO,
    SIGBUS,
    SIGCHLD,
    SIGFPE,
    SIGILL,
    SIGIO,
    SIGSEGV,
    SIGSYS,
    SIGTRAP,
    SIGURG,
    SigInfo,
)
from forkernel.errors import SysError

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.kernel.task import Task

PIDTYPE_PID, PIDTYPE_TGID, PIDTYPE_PGID = range(3)
EPOLLRDBAND, EPOLLMSG = 0x080, 0x400
POLL_IN, POLL_OUT, POLL_MSG, POLL_ERR, POLL_PRI, POLL_HUP = range(1, 7)
"""si_code of SIGIO."""
BANDS = {
    POLL_IN: EPOLLIN | EPOLLRDNORM,
    POLL_OUT: EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND,
    POLL_MSG: EPOLLIN | EPOLLRDNORM | EPOLLMSG,
    POLL_ERR: EPOLLERR,
    POLL_PRI: EPOLLPRI | EPOLLRDBAND,
    POLL_HUP: EPOLLHUP | EPOLLERR,
}
SPECIFIC = (SIGILL, SIGFPE, SIGSEGV, SIGBUS, SIGTRAP, SIGCHLD, SIGSYS)
"""Signals whose positive codes mean something else (Linux: sig_specific_sicodes)."""


class FOwner:
    """Linux: struct fown_struct."""

    __slots__ = ("euid", "fd", "kind", "nospace", "pid", "signum", "uid")

    def __init__(self) -> None:
        self.kind = F_OWNER_PID
        self.pid: Any = None
        """Pid of the owner."""
        self.uid = self.euid = 0
        """Of who named the owner, the kernel's numbers: the signal comes from that user."""
        self.signum = 0
        """0: SIGIO, without details."""
        self.fd = 0
        """The descriptor O_ASYNC was set with."""
        self.nospace = False
        """A socket had no room to send: POLL_OUT will be news."""


def owner_of(file: File) -> FOwner:
    """The file's, made at first need."""
    if file.f_owner is None:
        file.f_owner = FOwner()
    owner: FOwner = file.f_owner
    return owner


# --- naming the owner


def f_setown(task: Task, file: File, kind: int, number: int) -> None:
    """Note who gets the signals; zero takes the owner away. ESRCH for nobody."""
    found = task.thread_pid.ns.numbers.get(number) if number else None
    if number and found is None:
        raise SysError(ESRCH)
    owner = owner_of(file)
    owner.kind, owner.pid = kind, found
    owner.uid, owner.euid = task.cred.uid, task.cred.euid


def setown(task: Task, file: File, number: int) -> None:
    """F_SETOWN: a process, or a process group by a number below zero; EINVAL for the lowest one."""
    if number == -(1 << 31):
        raise SysError(EINVAL)
    f_setown(task, file, F_OWNER_PGRP if number < 0 else F_OWNER_PID, abs(number))


def getown(task: Task, file: File) -> int:
    """F_GETOWN."""
    owner = file.f_owner
    if owner is None or owner.pid is None:
        return 0
    number: int = owner.pid.nr_ns(task.thread_pid.ns)
    return -number if owner.kind == F_OWNER_PGRP else number


def set_async(file: File, fd: int, on: bool) -> None:
    """O_ASYNC goes on or off (Linux: fasync_helper)."""
    if on:
        file.flags |= FASYNC
        owner_of(file).fd = fd
    else:
        file.flags &= ~FASYNC
    file.fasync(on)


# --- news


def kill_fasync(file: File, code: int) -> None:
    """SIGIO, or the signal chosen, to the owner; `code` is POLL_*."""
    owner = file.f_owner
    if owner is None or owner.pid is None or not file.flags & FASYNC:
        return
    for task, group in receivers(owner):
        send_sigio_to_task(owner, task, group, code)


def send_sigurg(file: File) -> bool:
    """SIGURG to the owner; whether there is one."""
    owner = file.f_owner
    if owner is None or owner.pid is None:
        return False
    for task, group in receivers(owner):
        if sigio_perm(owner, task):
            task.send_signal_info(SIGURG, None, group)
    return True


def receivers(owner: FOwner) -> list[tuple[Task, bool]]:
    """Who gets it: tasks, and whether it is for the whole process."""
    kind = {F_OWNER_TID: PIDTYPE_PID, F_OWNER_PID: PIDTYPE_TGID, F_OWNER_PGRP: PIDTYPE_PGID}[owner.kind]
    return [(task, kind != PIDTYPE_PID) for task in owner.pid.users(kind)]


def sigio_perm(owner: FOwner, task: Task) -> bool:
    """Whether who named the owner may signal it (Linux: sigio_perm)."""
    cred = task.cred
    return owner.euid == 0 or any(user in (cred.suid, cred.uid) for user in (owner.euid, owner.uid))


def send_sigio_to_task(owner: FOwner, task: Task, group: bool, code: int) -> None:
    """One receiver: a signal of F_SETSIG comes with details, and is SIGIO where the queue is full."""
    if not sigio_perm(owner, task):
        return
    signum = owner.signum
    if signum:
        shown = SI_SIGIO if signum in SPECIFIC else code
        info = SigInfo(signum, shown, band=BANDS[code], fd=owner.fd)
        try:
            task.send_signal_info(signum, info, group)
        except SysError as error:
            if error.errno != EAGAIN:
                raise
        else:
            return
    task.send_signal_info(SIGIO, SigInfo(SIGIO, SI_KERNEL), group)
