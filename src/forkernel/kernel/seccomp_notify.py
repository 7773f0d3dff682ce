"""The listener of a seccomp filter: a supervisor that answers system calls for others (seccomp_unotify(2)).

Life of a notification: a filter returned SECCOMP_RET_USER_NOTIF, so `notify` queues a `Knotif` and its task sleeps;
RECV hands it to the supervisor, which may put descriptors into the task (ADDFD); SEND answers it, and the task goes on
with what was answered or, told to CONTINUE, makes the call. The listener's end answers all with ENOSYS.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import (
    EBADF,
    EINPROGRESS,
    EINVAL,
    ENOENT,
    ENOSYS,
    ENOTCONN,
    ERESTARTSYS,
    ESRCH,
)
from forkernel.abi.fcntl import O_CLOEXEC, O_RDWR
from forkernel.abi.poll import EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDNORM, EPOLLWRNORM
from forkernel.abi.seccomp import (
    AUDIT_ARCH_X86_64,
    SECCOMP_ADDFD_FLAG_SEND,
    SECCOMP_ADDFD_FLAG_SETFD,
    SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
    SECCOMP_IOCTL_NOTIF_ADDFD,
    SECCOMP_IOCTL_NOTIF_ID_VALID,
    SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR,
    SECCOMP_IOCTL_NOTIF_RECV,
    SECCOMP_IOCTL_NOTIF_SEND,
    SECCOMP_IOCTL_NOTIF_SET_FLAGS,
    SECCOMP_NOTIF_SIZE,
    SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP,
    SECCOMP_USER_NOTIF_FLAG_CONTINUE,
)
from forkernel.errors import SysError
from forkernel.fs.fdtable import fd_install
from forkernel.fs.file import File
from forkernel.kernel.task import PF_EXITING
from forkernel.wait import Resume, Sleep, WaitQueue

if TYPE_CHECKING:
    from forkernel.kernel.seccomp import SeccompFilter
    from forkernel.kernel.task import Task

INIT, SENT, REPLIED = range(3)
RLIMIT_NOFILE = 7
_NOTIF = struct.Struct("<QIIiIQ6Q")
_RESP = struct.Struct("<QqiI")
_ADDFD = struct.Struct("<QIIII")


class Knotif:
    """One call that waits for its answer (Linux: seccomp_knotif)."""

    __slots__ = ("error", "flags", "id", "state", "task", "val", "wait")

    def __init__(self, number: int, task: Task) -> None:
        self.id = number
        self.task = task
        self.state = INIT
        self.error = self.val = self.flags = 0
        self.wait = WaitQueue()

    def reply(self, error: int, value: int, flags: int) -> None:
        """The answer: the task goes on."""
        self.error, self.val, self.flags = error, value, flags
        self.state = REPLIED
        self.wait.wake_up()


class Notification:
    """What waits at one listener (Linux: notification)."""

    __slots__ = ("closed", "killable", "next_id", "pending", "sync", "wait")

    def __init__(self, next_id: int, *, killable: bool) -> None:
        self.next_id = next_id
        self.killable = killable
        """Once received, only a fatal signal interrupts the wait (WAIT_KILLABLE_RECV)."""
        self.sync = False
        """SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP: kept for who asks; a wake-up never preempts the supervisor here."""
        self.pending: dict[int, Knotif] = {}
        self.closed = False
        self.wait = WaitQueue()

    def find(self, number: int) -> Knotif:
        """A notification by its ID; ENOENT."""
        found = self.pending.get(number)
        if found is None:
            raise SysError(ENOENT)
        return found


class NotifyWait(Resume):
    """The call of a task that waits for the supervisor."""

    __slots__ = ("knotif", "notif")

    def __init__(self, notif: Notification, knotif: Knotif) -> None:
        self.notif = notif
        self.knotif = knotif

    def step(self, task: Task) -> int:
        """Take the answer."""
        knotif = self.knotif
        if knotif.state != REPLIED:
            raise self.sleep()
        self.notif.pending.pop(knotif.id, None)
        if knotif.flags & SECCOMP_USER_NOTIF_FLAG_CONTINUE:
            result: int = task.system.entry.make_call(task)
            return result
        return knotif.error if knotif.error else knotif.val

    def interrupted(self, task: Task) -> int:
        """A signal: nobody waits for the answer any more, and the call is made again."""
        self.notif.pending.pop(self.knotif.id, None)
        return -ERESTARTSYS

    def sleep(self) -> Sleep:
        """Wait for the answer."""
        killable = self.notif.killable and self.knotif.state == SENT
        return Sleep(self.knotif.wait, resume=self, interruptible=not killable)


def notify(task: Task, of: SeccompFilter) -> int:
    """SECCOMP_RET_USER_NOTIF: ask the filter's listener; ENOSYS if it has none."""
    notif = of.notif
    if notif is None or notif.closed:
        return -ENOSYS
    knotif = Knotif(notif.next_id, task)
    notif.next_id += 1
    notif.pending[knotif.id] = knotif
    notif.wait.wake_up()
    raise NotifyWait(notif, knotif).sleep()


# --- the listener


class ListenerFile(File):
    """The descriptor that SECCOMP_FILTER_FLAG_NEW_LISTENER gives."""

    __slots__ = ("filter", "notif")

    def __init__(self, inode: Any, path: Any, of: SeccompFilter, notif: Notification) -> None:
        super().__init__(inode, O_RDWR, path)
        self.filter = of
        self.notif = notif

    def poll(self, task: Task) -> int:
        """Readable: there is something to receive; writable: something to answer; hung up: the filter is in no use."""
        states = {knotif.state for knotif in self.notif.pending.values()}
        mask = EPOLLIN | EPOLLRDNORM if INIT in states else 0
        if SENT in states:
            mask |= EPOLLOUT | EPOLLWRNORM
        return mask if in_use(task, self.filter) else mask | EPOLLHUP

    def poll_queues(self) -> tuple[WaitQueue, ...]:
        """Woken by what comes, and by the end of who uses the filter."""
        return (self.notif.wait,)

    def release(self) -> None:
        """Nobody will answer: ENOSYS for all who wait."""
        self.notif.closed = True
        for knotif in self.notif.pending.values():
            if knotif.state != REPLIED:
                knotif.reply(-ENOSYS, 0, 0)

    def ioctl(self, task: Task, cmd: int, arg: int) -> int:
        """SECCOMP_IOCTL_*."""
        handler = _REQUESTS.get(cmd)
        if handler is None:
            raise SysError(EINVAL)
        return handler(self, task, arg)


def in_use(task: Task, of: SeccompFilter) -> bool:
    """Whether some task that has not exited has the filter."""
    for other in task.system.all_tasks():
        state = other.seccomp
        if state is not None and not other.flags & PF_EXITING and of.is_ancestor_of(state.filter):
            return True
    return False


def has_listener(newest: SeccompFilter | None) -> bool:
    """Whether one of these filters has one already."""
    while newest is not None:
        if newest.notif is not None:
            return True
        newest = newest.prev
    return False


def make_listener(task: Task, of: SeccompFilter, flags: int) -> int:
    """Give the filter a listener; its descriptor, close-on-exec."""
    killable = bool(flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
    notif = Notification(task.system.rng.getrandbits(63), killable=killable)
    vfs = task.system.vfs
    inode = vfs.anon_inode()
    path = vfs.pseudo_path(inode, b"anon_inode:seccomp notify")
    fd = fd_install(task, ListenerFile(inode, path, of, notif), cloexec=True)
    of.notif = notif
    return fd


def filter_released(task: Task) -> None:
    """A task with filters has exited: their listeners may be hung up now (Linux: seccomp_filter_release)."""
    state = task.seccomp
    found = state.filter if state is not None else None
    while found is not None:
        if found.notif is not None:
            found.notif.wait.wake_up()
        found = found.prev


# --- requests


def _recv(file: ListenerFile, task: Task, arg: int) -> int:
    """The oldest call not yet received, as struct seccomp_notif; waits for one."""
    mm = task.mm
    assert mm is not None
    if any(mm.read(arg, SECCOMP_NOTIF_SIZE)):
        raise SysError(EINVAL)
    notif = file.notif
    waiting = next((knotif for knotif in notif.pending.values() if knotif.state == INIT), None)
    if waiting is None:
        if not in_use(task, file.filter):
            raise SysError(ENOTCONN)
        raise Sleep(notif.wait)
    caller = waiting.task
    data = (caller.syscall_nr, AUDIT_ARCH_X86_64, caller.regs.rip, *caller.syscall_args)
    pid = caller.thread_pid.nr_ns(task.thread_pid.ns)
    mm.write(arg, _NOTIF.pack(waiting.id, pid, 0, *data))
    waiting.state = SENT
    notif.wait.wake_up()
    return 0


def _send(file: ListenerFile, task: Task, arg: int) -> int:
    """The answer to a call: struct seccomp_notif_resp."""
    assert task.mm is not None
    number, value, error, flags = _RESP.unpack(task.mm.read(arg, _RESP.size))
    if flags & ~SECCOMP_USER_NOTIF_FLAG_CONTINUE or (flags and (error or value)):
        raise SysError(EINVAL)
    knotif = file.notif.find(number)
    if knotif.state != SENT:
        raise SysError(EINPROGRESS)
    knotif.reply(error, value, flags)
    return 0


def _id_valid(file: ListenerFile, task: Task, arg: int) -> int:
    """Whether the caller still waits; ENOENT."""
    assert task.mm is not None
    if file.notif.find(task.mm.read_u64(arg)).state != SENT:
        raise SysError(ENOENT)
    return 0


def _addfd(file: ListenerFile, task: Task, arg: int) -> int:
    """Put one of the supervisor's open files into the caller's descriptors; which descriptor it got there."""
    assert task.mm is not None
    assert task.files is not None
    number, flags, source, target, target_flags = _ADDFD.unpack(task.mm.read(arg, _ADDFD.size))
    if target_flags & ~O_CLOEXEC or flags & ~(SECCOMP_ADDFD_FLAG_SETFD | SECCOMP_ADDFD_FLAG_SEND):
        raise SysError(EINVAL)
    if target and not flags & SECCOMP_ADDFD_FLAG_SETFD:
        raise SysError(EINVAL)
    given = task.files.get(source)
    knotif = file.notif.find(number)
    if knotif.state != SENT:
        raise SysError(EINPROGRESS)
    fd = _receive(knotif.task, given, target if flags & SECCOMP_ADDFD_FLAG_SETFD else None, bool(target_flags))
    if flags & SECCOMP_ADDFD_FLAG_SEND:
        knotif.reply(0, fd, 0)
    return fd


def _receive(target: Task, file: File, fd: int | None, cloexec: bool) -> int:
    """Install a file in another task; EBADF, EMFILE, ESRCH."""
    if target.files is None:
        raise SysError(ESRCH)
    if fd is None:
        return fd_install(target, file.get(), cloexec)
    if fd >= target.signal.rlim[RLIMIT_NOFILE][0]:
        raise SysError(EBADF)
    target.files.put_at(target, fd, file.get(), cloexec)
    return fd


def _set_flags(file: ListenerFile, task: Task, flags: int) -> int:
    """SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP."""
    if flags & ~SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP:
        raise SysError(EINVAL)
    file.notif.sync = bool(flags)
    return 0


_REQUESTS = {
    SECCOMP_IOCTL_NOTIF_RECV: _recv,
    SECCOMP_IOCTL_NOTIF_SEND: _send,
    SECCOMP_IOCTL_NOTIF_ID_VALID: _id_valid,
    SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR: _id_valid,
    SECCOMP_IOCTL_NOTIF_ADDFD: _addfd,
    SECCOMP_IOCTL_NOTIF_SET_FLAGS: _set_flags,
}
