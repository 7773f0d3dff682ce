"""Control messages of sockets: descriptors, credentials and pidfds that go along (Linux: net/core/scm.c; unix(7),
cmsg(3)).

A send: `scm_send` reads the control messages of SOL_SOCKET into a `ScmCookie`, which holds the files until a message
takes them or `destroy` gives them back. A receive: the family calls `scm_recv` with what came; `put_cmsg` adds one
control message to those of the receiver.
"""

from __future__ import annotations

from typing import Any

from forkernel.abi.capability import CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN
from forkernel.abi.errno import EINVAL, EPERM, ESRCH
from forkernel.abi.socket import (
    MSG_CMSG_CLOEXEC,
    MSG_CTRUNC,
    SCM_CREDENTIALS,
    SCM_MAX_FD,
    SCM_PIDFD,
    SCM_RIGHTS,
    SOL_SOCKET,
    Cmsghdr,
    Ucred,
)
from forkernel.errors import SysError
from forkernel.fs.fdtable import fd_install
from forkernel.fs.file import File
from forkernel.namespace import INVALID_ID, cap_capable, init_user_ns
from forkernel.net.message import SocketMessage

PF_SUPERPRIV = 0x100

Creds = tuple[Any, int, int]
"""Pid of the process or None, and the kernel's numbers of user and group."""
NO_CREDS: Creds = (None, 0xFFFFFFFF, 0xFFFFFFFF)
AT_END: Creds = (None, 0, 0)
"""Told where a stream ended and no message came."""
UNKNOWN_CREDS: Creds = (None, 65534, 65534)
"""On a message sent when neither side wanted credentials."""


class ScmCookie:
    """What a send passes along (Linux: struct scm_cookie)."""

    __slots__ = ("creds", "files")

    def __init__(self) -> None:
        self.creds: Creds | None = None
        """As the sender claimed, None if it did not."""
        self.files: tuple[File, ...] = ()
        """Each with a reference."""

    def take_files(self) -> tuple[File, ...]:
        """Hand the files and their references over."""
        files, self.files = self.files, ()
        return files

    def destroy(self) -> None:
        """Nobody took them."""
        put_all(self.take_files())


def put_all(files: tuple[File, ...]) -> None:
    """Give references back."""
    for file in files:
        file.put()


# --- sending


def each_cmsg(control: bytes) -> list[tuple[int, int, bytes]]:
    """Level, type and data of each control message; EINVAL for a length that cannot be."""
    found = []
    at = 0
    while at + Cmsghdr.SIZE <= len(control):
        header = Cmsghdr.unpack(control[at : at + Cmsghdr.SIZE])
        if header.cmsg_len < Cmsghdr.SIZE or at + header.cmsg_len > len(control):
            raise SysError(EINVAL)
        found.append((header.cmsg_level, header.cmsg_type, control[at + Cmsghdr.SIZE : at + header.cmsg_len]))
        at += header.cmsg_len + 7 & ~7
    return found


def scm_send(task: Any, control: bytes) -> ScmCookie:
    """Credentials and files of the control messages; EINVAL, EPERM, ESRCH, EBADF."""
    cookie = ScmCookie()
    try:
        for level, kind, data in each_cmsg(control):
            if level != SOL_SOCKET:
                continue
            if kind == SCM_RIGHTS:
                scm_fp_copy(task, cookie, data)
            elif kind == SCM_CREDENTIALS and len(data) == Ucred.SIZE:
                cookie.creds = scm_check_creds(task, Ucred.unpack(data))
            else:
                raise SysError(EINVAL)
    except SysError:
        cookie.destroy()
        raise
    return cookie


def scm_fp_copy(task: Any, cookie: ScmCookie, data: bytes) -> None:
    """Add the files of descriptors, not more than SCM_MAX_FD in all; EINVAL, EBADF."""
    numbers = [int.from_bytes(data[at : at + 4], "little", signed=True) for at in range(0, len(data) // 4 * 4, 4)]
    if len(cookie.files) + len(numbers) > SCM_MAX_FD:
        raise SysError(EINVAL)
    for number in numbers:
        cookie.files += (task.files.get_raw(number).get(),)


def scm_check_creds(task: Any, wanted: Ucred) -> Creds:
    """Credentials that a task may claim: its own, or any with capabilities; EINVAL, EPERM, ESRCH."""
    cred = task.cred
    uid, gid = cred.user_ns.make_kuid(wanted.uid), cred.user_ns.make_kgid(wanted.gid)
    if INVALID_ID in (uid, gid):
        raise SysError(EINVAL)
    pid_ns = task.thread_pid.ns
    if (
        (
            wanted.pid != task.group_leader.thread_pid.nr
            and not scm_capable(task, pid_ns.user_ns or init_user_ns, CAP_SYS_ADMIN)
        )
        or (uid not in (cred.uid, cred.euid, cred.suid) and not scm_capable(task, cred.user_ns, CAP_SETUID))
        or (gid not in (cred.gid, cred.egid, cred.sgid) and not scm_capable(task, cred.user_ns, CAP_SETGID))
    ):
        raise SysError(EPERM)
    pid = pid_ns.numbers.get(wanted.pid)
    if pid is None:
        raise SysError(ESRCH)
    return (pid, uid, gid)


def scm_capable(task: Any, user_ns: Any, capability: int) -> bool:
    """Whether the task may use a capability over what belongs to the user namespace; notes the use."""
    if not cap_capable(task.cred, user_ns, capability):
        return False
    task.flags |= PF_SUPERPRIV
    return True


def creds_of(task: Any) -> Creds:
    """Who sends or connects."""
    return (task.group_leader.thread_pid, task.cred.uid, task.cred.gid)


# --- receiving


def ucred_for(task: Any, creds: Creds) -> bytes:
    """A struct ucred with the numbers of the reader's namespaces."""
    pid, uid, gid = creds
    user_ns = task.cred.user_ns
    number = pid.nr_ns(task.thread_pid.ns) if pid is not None else 0
    return Ucred(number, user_ns.from_kuid_munged(uid), user_ns.from_kgid_munged(gid)).pack()


def put_cmsg(msg: SocketMessage, level: int, kind: int, data: bytes) -> None:
    """One control message more, as far as there is room; MSG_CTRUNC when it was cut."""
    left = msg.control_room - len(msg.control)
    if left < Cmsghdr.SIZE:
        msg.out_flags |= MSG_CTRUNC
        return
    whole = Cmsghdr.SIZE + len(data)
    if left < whole:
        msg.out_flags |= MSG_CTRUNC
    length = min(left, whole)
    message = Cmsghdr(length, level, kind).pack() + data[: length - Cmsghdr.SIZE]
    msg.control += message.ljust(min(left, length + 7 & ~7), b"\0")


def scm_detach_fds(task: Any, msg: SocketMessage, files: tuple[File, ...]) -> None:
    """SCM_RIGHTS: descriptors for files, as many as fit; MSG_CTRUNC for the rest, which are closed."""
    fit = max(0, (msg.control_room - len(msg.control) - Cmsghdr.SIZE) // 4)
    numbers: list[int] = []
    taken = 0
    for file in files[:fit]:
        taken += 1  # fd_install gives the file back where it fails
        try:
            numbers.append(fd_install(task, file, bool(msg.flags & MSG_CMSG_CLOEXEC)))
        except SysError:
            break
    put_all(files[taken:])
    if len(numbers) < len(files):
        msg.out_flags |= MSG_CTRUNC
    if numbers:
        cut = msg.out_flags & MSG_CTRUNC
        put_cmsg(msg, SOL_SOCKET, SCM_RIGHTS, b"".join(number.to_bytes(4, "little") for number in numbers))
        msg.out_flags |= cut


def scm_pidfd_recv(task: Any, msg: SocketMessage, pid: Any) -> None:
    """SO_PASSPIDFD: a pidfd for the sender, who may be gone; nothing but MSG_CTRUNC if it does not fit whole."""
    if msg.control_room - len(msg.control) < Cmsghdr.SIZE + 4:
        msg.out_flags |= MSG_CTRUNC
        return
    try:
        fd = fd_install(task, task.system.pidfd_file(pid), True)
    except SysError as error:
        fd = -error.errno
    put_cmsg(msg, SOL_SOCKET, SCM_PIDFD, fd.to_bytes(4, "little", signed=True))
