"""Descriptors that stand for a process (Linux: kernel/pid.c and fs/pidfs.c, pidfd_open(2)).

`pidfd_create` makes the file for pidfd_open, CLONE_PIDFD and clone3; `pidfd_get_task` finds the process
again. A `PidFile` keeps no reference that would hold a zombie: once the process is reaped it stands for
nothing, and never for a new process with the same PID.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EBADF, EINVAL, ENOENT, EOPNOTSUPP, EPERM, ESRCH
from forkernel.abi.fcntl import O_EXCL, O_LARGEFILE, O_NONBLOCK, O_RDWR
from forkernel.abi.poll import EPOLLHUP, EPOLLIN, EPOLLRDNORM
from forkernel.abi.signal import SI_TKILL, SI_USER, SigInfo
from forkernel.errors import SysError
from forkernel.fs.fdtable import fd_install
from forkernel.fs.file import File
from forkernel.fs.inode import Inode
from forkernel.fs.proc.base import PidDir
from forkernel.kernel import signal
from forkernel.kernel.pid import find_task_by_vpid, get_pid, pid_vnr, put_pid, task_tgid_vnr
from forkernel.kernel.ptrace import ptrace_may_access
from forkernel.kernel.task import SIGNAL_GROUP_EXIT
from forkernel.wait import WaitQueue

if TYPE_CHECKING:
    from forkernel.kernel.pid import Pid, PidNamespace
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task

PIDFD_NONBLOCK = O_NONBLOCK
PIDFD_THREAD = O_EXCL
PIDFD_SIGNAL_THREAD, PIDFD_SIGNAL_THREAD_GROUP, PIDFD_SIGNAL_PROCESS_GROUP = 1, 2, 4
PIDFD_SELF_THREAD = -10000
PIDFD_SELF_THREAD_GROUP = -10001


class PidInode(Inode):
    """The inode of a process or thread; opened through /proc/self/fd it gives another pidfd.

    It stands for a Pid, not a Task: execve by another thread than the leader hands the leader's Pid to that thread.
    """

    __slots__ = ("cgroup", "exit_code", "pid")

    def __init__(self, system: System, pid: Pid) -> None:
        system.pidfs_ino += 1  # the same for all pidfds of a task and for no other, so that fstat can compare them
        super().__init__(system.vfs.anon_inode().sb, 0o700, ino=system.pidfs_ino)
        self.pid = pid
        pid.wait_pidfd = WaitQueue()
        self.exit_code: int | None = None
        """Wait status, once the process is reaped, and"""
        self.cgroup: Any = None
        """the cgroup it was in, None for the root."""

    def note_exit(self, task: Task) -> None:
        """release_task: keep the status for PIDFD_GET_INFO (Linux: pidfs_exit)."""
        signal = task.signal
        whole = task.is_leader and signal.flags & SIGNAL_GROUP_EXIT
        self.exit_code = signal.group_exit_code if whole else task.exit_code
        self.cgroup = task.cgroup

    def open(self, task: Task, flags: int) -> File:
        """One more pidfd for the same process."""
        return PidFile(self, flags | O_LARGEFILE)

    def setattr(
        self,
        *,
        mode: int | None = None,
        uid: int | None = None,
        gid: int | None = None,
        atime: int | None = None,
        mtime: int | None = None,
    ) -> None:
        """EOPNOTSUPP: it belongs to the kernel."""
        raise SysError(EOPNOTSUPP)


class PidFile(File):
    """An open pidfd."""

    __slots__ = ("thread",)

    inode: PidInode

    def __init__(self, inode: PidInode, flags: int) -> None:
        super().__init__(inode, O_RDWR | flags & (PIDFD_NONBLOCK | O_LARGEFILE))
        get_pid(inode.pid)
        self.flags |= flags & PIDFD_THREAD
        self.thread = bool(flags & PIDFD_THREAD)
        """It stands for one thread (PIDFD_THREAD), not for the process."""

    def target(self) -> Task | None:
        """The task, a zombie included; None once it is reaped."""
        return self.inode.pid.task

    def poll(self, task: Task) -> int:
        """Readable when the process has ended, hung up when it is reaped."""
        target = self.target()
        if target is None:
            return EPOLLIN | EPOLLRDNORM | EPOLLHUP
        if target.exit_state and (not target.is_leader or len(target.signal.threads) == 1):
            return EPOLLIN | EPOLLRDNORM
        return 0

    def poll_queues(self) -> tuple[WaitQueue, ...]:
        """Woken at the end and at the reaping."""
        assert self.inode.pid.wait_pidfd is not None
        return (self.inode.pid.wait_pidfd,)

    def ioctl(self, task: Task, cmd: int, arg: int) -> int:
        """PIDFD_GET_INFO and PIDFD_GET_*_NAMESPACE."""
        from forkernel.kernel.pidfd_ioctl import pidfd_ioctl

        return pidfd_ioctl(task, self.inode, cmd, arg)

    def truncate(self, size: int) -> None:
        """EOPNOTSUPP."""
        raise SysError(EOPNOTSUPP)

    def pread(self, task: Task, offset: int, count: int) -> bytes:
        """EINVAL: there is nothing to read."""
        raise SysError(EINVAL)

    def pwrite(self, task: Task, offset: int, data: bytes) -> int:
        """EINVAL."""
        raise SysError(EINVAL)

    def release(self) -> None:
        """The last descriptor is closed."""
        put_pid(self.inode.pid)
        super().release()

    def fdinfo(self) -> bytes:
        """PID in its own namespace, -1 once it is reaped."""
        return self.fdinfo_in(self.inode.pid.ns)

    def fdinfo_in(self, ns: PidNamespace) -> bytes:
        """The same as a procfs of PID namespace `ns` shows it: 0 for a process that it does not see."""
        pid = self.inode.pid
        number = pid.nr_ns(ns) if pid.task is not None else -1
        below = "".join(f"\t{nr}" for nr in pid.numbers[ns.level + 1 :]) if number > 0 else ""
        return f"Pid:\t{number}\nNSpid:\t{number}{below}\n".encode()


def pidfd_create(system: System, pid: Pid, flags: int) -> File:
    """A file that stands for a task or process; `flags`: PIDFD_NONBLOCK, PIDFD_THREAD."""
    if pid.inode is None:
        pid.inode = PidInode(system, pid)
    inode: PidInode = pid.inode
    file = PidFile(inode, flags)
    file.path = system.vfs.pseudo_path(inode, b"anon_inode:[pidfd]")
    return file


def pidfd_open(task: Task, pid: int, flags: int) -> int:
    """A new descriptor for a process or thread, close-on-exec (pidfd_open(2))."""
    if flags & ~(PIDFD_NONBLOCK | PIDFD_THREAD) or pid <= 0:
        raise SysError(EINVAL)
    target = find_task_by_vpid(task, pid)
    if target is None:
        raise SysError(ESRCH)
    if not flags & PIDFD_THREAD and not target.is_leader:
        raise SysError(ENOENT)
    return fd_install(task, pidfd_create(task.system, target.thread_pid, flags), cloexec=True)


def pidfd_file(task: Task, fd: int) -> PidFile:
    """The pidfd `fd` of `task`; EBADF for any other file."""
    assert task.files is not None
    file = task.files.get(fd)
    if not isinstance(file, PidFile):
        raise SysError(EBADF)
    return file


def pidfd_get_pid(task: Task, fd: int) -> tuple[Pid, int]:
    """The Pid that a pidfd stands for, and the file's flags; EBADF."""
    file = pidfd_file(task, fd)
    return file.inode.pid, file.flags


def pidfd_get_task(task: Task, fd: int) -> tuple[Task | None, int]:
    """Whom a pidfd stands for (None: reaped), and the file's flags; EBADF."""
    file = pidfd_file(task, fd)
    return file.target(), file.flags


def pidfd_signal_target(task: Task, pidfd: int, flags: int) -> tuple[Task | None, int]:
    """Whom pidfd_send_signal is for, and how far it goes (PIDFD_SIGNAL_*); EBADF; EINVAL, also for a process that the
    caller's PID namespace does not see. A descriptor for the directory /proc/PID will do too.
    """
    if flags not in (0, PIDFD_SIGNAL_THREAD, PIDFD_SIGNAL_THREAD_GROUP, PIDFD_SIGNAL_PROCESS_GROUP):
        raise SysError(EINVAL)
    if pidfd == PIDFD_SELF_THREAD:
        return task, flags or PIDFD_SIGNAL_THREAD
    if pidfd == PIDFD_SELF_THREAD_GROUP:
        return task.group_leader, flags or PIDFD_SIGNAL_THREAD_GROUP
    assert task.files is not None
    directory = task.files.get(pidfd).inode
    scope = PIDFD_SIGNAL_THREAD_GROUP
    if isinstance(directory, PidDir):
        pid = directory.thread_pid
    else:
        file = pidfd_file(task, pidfd)
        pid = file.inode.pid
        if file.thread:
            scope = PIDFD_SIGNAL_THREAD
    if not pid_vnr(pid, task):
        raise SysError(EINVAL)
    return pid.task, flags or scope


def pidfd_send_signal(task: Task, target: Task | None, scope: int, sig: int, info: SigInfo | None) -> None:
    """Signal a thread, process or process group; `info` None: as kill() or tgkill() would. ESRCH, EPERM."""
    if info is None:
        code = SI_TKILL if scope == PIDFD_SIGNAL_THREAD else SI_USER
        info = SigInfo(sig, code, pid=task_tgid_vnr(task), uid=task.cred.uid)
    elif (target is not task or scope == PIDFD_SIGNAL_PROCESS_GROUP) and (info.code >= 0 or info.code == SI_TKILL):
        raise SysError(EPERM)
    if target is None:
        raise SysError(ESRCH)
    if scope == PIDFD_SIGNAL_PROCESS_GROUP:
        signal.kill_pgrp_info(task, sig, info, target.thread_pid)
    elif scope == PIDFD_SIGNAL_THREAD:
        signal.send_specific(task, target, sig, info)
    else:
        signal.group_send_sig_info(task, sig, info, target)


def pidfd_getfd(task: Task, pidfd: int, fd: int) -> int:
    """A descriptor for the other process's open file `fd`, close-on-exec (pidfd_getfd(2))."""
    target, _ = pidfd_get_task(task, pidfd)
    if target is None or (target.exit_state and target.files is None):
        raise SysError(ESRCH)
    if not ptrace_may_access(task, target):
        raise SysError(EPERM)
    if target.files is None:
        raise SysError(EBADF)
    file = target.files.get_raw(fd)
    return fd_install(task, file.get(), cloexec=True)
