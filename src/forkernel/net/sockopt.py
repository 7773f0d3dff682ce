"""Options of SOL_SOCKET (Linux: sk_setsockopt, sk_getsockopt in net/core/sock.c; socket(7))."""

from __future__ import annotations

from typing import Any

from forkernel.abi.capability import CAP_NET_ADMIN
from forkernel.abi.errno import EACCES, EDOM, EINVAL, ENODATA, EOPNOTSUPP, EPERM, ERANGE
from forkernel.abi.socket import (
    SO_ACCEPTCONN,
    SO_BINDTODEVICE,
    SO_BROADCAST,
    SO_COOKIE,
    SO_DEBUG,
    SO_DOMAIN,
    SO_DONTROUTE,
    SO_ERROR,
    SO_KEEPALIVE,
    SO_LINGER,
    SO_MARK,
    SO_MEMINFO,
    SO_NETNS_COOKIE,
    SO_OOBINLINE,
    SO_PASSCRED,
    SO_PASSPIDFD,
    SO_PASSRIGHTS,
    SO_PEEK_OFF,
    SO_PEERCRED,
    SO_PEERGROUPS,
    SO_PEERPIDFD,
    SO_PRIORITY,
    SO_PROTOCOL,
    SO_RCVBUF,
    SO_RCVBUFFORCE,
    SO_RCVLOWAT,
    SO_RCVTIMEO,
    SO_REUSEADDR,
    SO_REUSEPORT,
    SO_SNDBUF,
    SO_SNDBUFFORCE,
    SO_SNDLOWAT,
    SO_SNDTIMEO,
    SO_TYPE,
)
from forkernel.errors import SysError
from forkernel.fs.fdtable import fd_install
from forkernel.mm.uaccess import UserBuf
from forkernel.namespace import cap_capable
from forkernel.net.dev import IFNAMSIZ
from forkernel.net.inet.sysctl import WMEM_MAX
from forkernel.net.scm import ucred_for
from forkernel.net.socket import RCVBUF_LOCK, SCM_PASS_CRED, SCM_PASS_PIDFD, SCM_PASS_RIGHTS, SNDBUF_LOCK, SocketFile

INT_MAX = 0x7FFFFFFF
SOCK_MIN_SNDBUF = 4608
SOCK_MIN_RCVBUF = 2304
UNPRIVILEGED_PRIORITY = 6
NSEC_PER_SEC = 10**9
NO_TIME = 1
"""A time limit that is over at once, ns."""
FLAGS = (SO_DEBUG, SO_REUSEADDR, SO_DONTROUTE, SO_BROADCAST, SO_KEEPALIVE, SO_OOBINLINE, SO_REUSEPORT)
"""Options that are on or off."""
PASS = {SO_PASSCRED: SCM_PASS_CRED, SO_PASSPIDFD: SCM_PASS_PIDFD, SO_PASSRIGHTS: SCM_PASS_RIGHTS}
"""Options that are a bit of `scm_flags`."""


# --- setting


def sock_setsockopt(task: Any, file: SocketFile, name: int, value: UserBuf, length: int) -> None:
    """An option of SOL_SOCKET; EINVAL, EPERM, EDOM, ENOPROTOOPT."""
    if name == SO_BINDTODEVICE:
        file.bind_to_device(task, value.read(min(length, IFNAMSIZ - 1)))
        return
    if length < 4:
        raise SysError(EINVAL)
    number = int.from_bytes(value.read(4), "little", signed=True)
    if name in (SO_RCVTIMEO, SO_SNDTIMEO):
        set_timeout(file, name, value, length)
    elif name == SO_LINGER:
        if length < 8:
            raise SysError(EINVAL)
        seconds = int.from_bytes(value.read(8)[4:], "little")
        file.option_set(name, (seconds << 32 | 1) if number else 0)
        if number:
            file.options[SO_LINGER] = seconds << 32 | 1
        else:  # the time stays, it only does not count
            file.options[SO_LINGER] = file.options.get(SO_LINGER, 0) & ~1
    else:
        set_number(task, file, name, number)


def set_timeout(file: SocketFile, name: int, value: UserBuf, length: int) -> None:
    """SO_RCVTIMEO, SO_SNDTIMEO: a struct timeval; below zero is no time at all, zero no limit (sock_set_timeout)."""
    if length < 16:
        raise SysError(EINVAL)
    data = value.read(16)
    seconds, micros = (int.from_bytes(data[at : at + 8], "little", signed=True) for at in (0, 8))
    if not 0 <= micros < 1000000:
        raise SysError(EDOM)
    timeout = seconds * NSEC_PER_SEC + micros * 1000 if seconds >= 0 else NO_TIME
    if name == SO_RCVTIMEO:
        file.rcv_timeout = timeout
    else:
        file.snd_timeout = timeout


def set_number(task: Any, file: SocketFile, name: int, number: int) -> None:
    """The options that are numbers."""
    if name in PASS:
        if not file.may_scm_recv:
            raise SysError(EOPNOTSUPP)
        file.scm_flags = file.scm_flags | PASS[name] if number else file.scm_flags & ~PASS[name]
    elif name in (SO_SNDBUF, SO_RCVBUF):
        set_buffer(file, name, min(number & 0xFFFFFFFF, WMEM_MAX))
    elif name in (SO_SNDBUFFORCE, SO_RCVBUFFORCE):
        need_net_admin(task, file, EPERM)
        set_buffer(file, SO_SNDBUF if name == SO_SNDBUFFORCE else SO_RCVBUF, max(number, 0))
    elif name == SO_PEEK_OFF:
        file.set_peek_off(number)
    elif name in FLAGS:
        if name == SO_DEBUG and number:
            need_net_admin(task, file, EACCES)
        keep(file, name, int(bool(number)))
    elif name == SO_PRIORITY:
        if not 0 <= number <= UNPRIVILEGED_PRIORITY:
            need_net_admin(task, file, EPERM)
        keep(file, name, number)
    elif name == SO_MARK:
        need_net_admin(task, file, EPERM)
        keep(file, name, number)
    elif name == SO_RCVLOWAT:
        keep(file, name, INT_MAX if number < 0 else number or 1)
    else:
        file.set_own_option(name, number)


def keep(file: SocketFile, name: int, number: int) -> None:
    """Remember a value, if the family agrees."""
    file.option_set(name, number)
    file.options[name] = number


def set_buffer(file: SocketFile, name: int, size: int) -> None:
    """SO_SNDBUF, SO_RCVBUF: twice what was asked for, for the kernel's own overhead (socket(7))."""
    if name == SO_SNDBUF:
        file.sndbuf = max(min(size, INT_MAX // 2) * 2, SOCK_MIN_SNDBUF)
        file.userlocks |= SNDBUF_LOCK
        file.wr_wait.wake_up()
    else:
        file.rcvbuf = max(min(size, INT_MAX // 2) * 2, SOCK_MIN_RCVBUF)
        file.userlocks |= RCVBUF_LOCK


def need_net_admin(task: Any, file: SocketFile, errno: int) -> None:
    """`errno` without CAP_NET_ADMIN over the socket's namespace."""
    if not cap_capable(task.cred, file.net.user_ns, CAP_NET_ADMIN):
        raise SysError(errno)


# --- getting


def sock_getsockopt(task: Any, file: SocketFile, name: int, room: int) -> bytes:
    """The value of an option of SOL_SOCKET; ENOPROTOOPT."""
    if name in (SO_RCVTIMEO, SO_SNDTIMEO):
        timeout = file.rcv_timeout if name == SO_RCVTIMEO else file.snd_timeout
        seconds, rest = divmod(timeout if timeout != NO_TIME else 0, NSEC_PER_SEC)
        return seconds.to_bytes(8, "little") + (rest // 1000).to_bytes(8, "little")
    if name == SO_LINGER:
        return file.options.get(SO_LINGER, 0).to_bytes(8, "little")
    if name == SO_BINDTODEVICE:
        return file.bound_device()
    if name == SO_PEERCRED:
        return ucred_for(task, file.peer_creds)
    if name == SO_PEERGROUPS:
        return peer_groups(task, file, room)
    if name == SO_MEMINFO:
        return meminfo(file)
    if name == SO_NETNS_COOKIE:
        return file.net.cookie().to_bytes(8, "little")
    if name == SO_COOKIE:
        return file.cookie(task).to_bytes(8, "little")
    return (number_of(task, file, name) & 0xFFFFFFFF).to_bytes(4, "little")


def number_of(task: Any, file: SocketFile, name: int) -> int:
    """The options that are numbers."""
    if name == SO_ERROR:
        number, file.error = file.error, 0
        return number
    if name in PASS:
        if not file.may_scm_recv:
            raise SysError(EOPNOTSUPP)
        return int(bool(file.scm_flags & PASS[name]))
    if name == SO_PEERPIDFD:
        return peer_pidfd(task, file)
    if name == SO_PEEK_OFF:
        return file.get_peek_off()
    fixed = {
        SO_TYPE: file.kind, SO_SNDBUF: file.sndbuf, SO_RCVBUF: file.rcvbuf, SO_ACCEPTCONN: int(file.listening),
        SO_DOMAIN: file.family, SO_PROTOCOL: file.protocol, SO_SNDLOWAT: 1,
    }  # fmt: skip
    number = fixed.get(name, -1)
    if number >= 0:
        return number
    if name in FLAGS or name in (SO_PRIORITY, SO_MARK):
        return file.options.get(name, 0)
    if name == SO_RCVLOWAT:
        return file.options.get(name, 1)
    return file.get_own_option(name)


def peer_pidfd(task: Any, file: SocketFile) -> int:
    """SO_PEERPIDFD: a pidfd for who connected or listens at the other end; ENODATA if nobody does."""
    pid = file.peer_creds[0]
    if pid is None:
        raise SysError(ENODATA)
    return fd_install(task, task.system.pidfd_file(pid), True)


def peer_groups(task: Any, file: SocketFile, room: int) -> bytes:
    """SO_PEERGROUPS: its supplementary groups; ENODATA without a peer, ERANGE (with the size needed) where they do not
    fit.
    """
    groups = file.peer_groups
    if groups is None:
        raise SysError(ENODATA)
    data = b"".join(task.cred.user_ns.from_kgid_munged(group).to_bytes(4, "little") for group in groups)
    if len(data) > room:
        raise TooSmall(len(data))
    return data


class TooSmall(SysError):
    """ERANGE of an option that tells how much room it needs."""

    def __init__(self, size: int) -> None:
        super().__init__(ERANGE)
        self.size = size


def meminfo(file: SocketFile) -> bytes:
    """SO_MEMINFO: the nine numbers of sock_diag's INET_DIAG_SKMEMINFO."""
    received, sent = file.memory()
    numbers = (received, file.rcvbuf, sent, file.sndbuf, 0, 0, 0, 0, 0)
    return b"".join(number.to_bytes(4, "little") for number in numbers)
