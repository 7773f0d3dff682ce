"""Sockets, as all families have them (Linux: net/socket.c, net/core/sock.c; socket(2), socket(7)).

Life cycle: `sock_create` asks the family, found by its number and loaded at first use, for a socket; the calls of
syscalls/socket.py then go to the operations of `SocketFile`, which a family's class overrides: bind, listen, accept,
connect, getname, shutdown, sendmsg, recvmsg, setsockopt, getsockopt, ioctl, poll, release. read and write are recvmsg
and sendmsg with a kernel buffer.

An operation that must wait raises a plain `Sleep` and is called again from its start; what it has done by then it
keeps in its message (net/message.py).

A new family: a class derived from `SocketFile` with its operations, a function `create(task, kind, protocol)` that
checks both and makes one, and a line in `FAMILIES`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from forkernel.abi.errno import EAFNOSUPPORT, EAGAIN, EINVAL, ENOPROTOOPT, EOPNOTSUPP, ESPIPE
from forkernel.abi.fcntl import O_NONBLOCK, O_RDWR
from forkernel.abi.inet import AF_INET, AF_INET6
from forkernel.abi.poll import POLLIN, POLLOUT, POLLPRI, POLLRDBAND, POLLRDNORM, POLLWRBAND, POLLWRNORM
from forkernel.abi.socket import AF_MAX, AF_NETLINK, AF_UNIX, MSG_EOR, RCV_SHUTDOWN, SEND_SHUTDOWN, SOCK_SEQPACKET
from forkernel.abi.stat import S_IFSOCK
from forkernel.errors import SysError
from forkernel.fs.anon import KINDS, internal_sb
from forkernel.fs.file import File
from forkernel.fs.inode import Inode, Superblock
from forkernel.fs.timedread import TimedRead
from forkernel.wait import KeyedQueue, Sleep, WaitQueue

if TYPE_CHECKING:
    from forkernel.net.message import SocketMessage
    from forkernel.net.net_namespace import NetNamespace

SIGPIPE = 13
RD_KEY = POLLIN | POLLPRI | POLLRDNORM | POLLRDBAND
WR_KEY = POLLOUT | POLLWRNORM | POLLWRBAND
"""What wake-ups of a socket's queues tell of (Linux: sock_def_readable, sock_def_write_space)."""
WMEM_DEFAULT = RMEM_DEFAULT = 212992
"""net.core.wmem_default and rmem_default."""
SOCK_MAX = 11
"""Types of sockets are below it."""
FIOSETOWN, SIOCSPGRP, FIOGETOWN, SIOCGPGRP = 0x8901, 0x8902, 0x8903, 0x8904
RDWR_SHUTDOWN = RCV_SHUTDOWN | SEND_SHUTDOWN
SNDBUF_LOCK, RCVBUF_LOCK = 1, 2


SCM_PASS_CRED, SCM_PASS_PIDFD, SCM_PASS_RIGHTS = 1, 2, 4
SCM_PASS_WHO = SCM_PASS_CRED | SCM_PASS_PIDFD


class SockfsSuperblock(Superblock):
    """sockfs, of which a machine has one."""

    __slots__ = ("inflight",)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.inflight: Any = None
        """Descriptors in flight (net/unix/garbage.py)."""


KINDS[b"sockfs"] = SockfsSuperblock


class SocketInode(Inode):
    """The inode of a socket, in sockfs."""

    __slots__ = ()


QUEUE_STEP = 16384


class SocketFile(File):
    """A socket (Linux: struct socket and struct sock in one). Families derive from it."""

    object_kind, object_size = "sock", 2112

    __slots__ = (
        "charged", "error", "kind", "net", "options", "protocol", "rcv_timeout", "rcvbuf", "rd_wait", "scm_flags",
        "shut", "snd_timeout", "sndbuf", "userlocks", "wr_wait",
    )  # fmt: skip

    nowait = True

    splice_read = splice_write = True
    can_async = True

    family: ClassVar[int] = 0
    """AF_*."""
    connect_late: ClassVar[int] = EAGAIN
    """What a connect raises that waits longer than SO_SNDTIMEO."""
    may_scm_recv: ClassVar[bool] = False
    """Whether credentials may come along: the options SO_PASSCRED and its like (Linux: sk_may_scm_recv)."""

    peer_creds: Any = (None, 0xFFFFFFFF, 0xFFFFFFFF)
    """Pid or None, uid and gid of who connected or listens at the other end (SO_PEERCRED)."""
    peer_groups: tuple[int, ...] | None = None
    """The supplementary groups that go with it (SO_PEERGROUPS)."""

    def __init__(self, task: Any, net: NetNamespace, kind: int, protocol: int = 0) -> None:
        vfs = task.system.vfs
        inode = SocketInode(internal_sb(vfs, b"sockfs"), S_IFSOCK | 0o777, task.cred.fsuid, task.cred.fsgid)
        super().__init__(inode, O_RDWR, vfs.pseudo_path(inode, b"socket:[%d]" % inode.ino))
        self.net: NetNamespace = net.get()
        """The network namespace it was made in; held until the socket goes."""
        self.charged = 0
        """Bytes of kernel memory counted for its queues (`charge_to`)."""
        self.kind = kind
        """SOCK_*."""
        self.protocol = protocol
        self.shut = 0
        """RCV_SHUTDOWN, SEND_SHUTDOWN."""
        self.error = 0
        """Pending errno, told once (SO_ERROR)."""
        self.sndbuf = WMEM_DEFAULT
        self.rcvbuf = RMEM_DEFAULT
        self.userlocks = 0
        """SNDBUF_LOCK, RCVBUF_LOCK: which of the two sizes a program has set."""
        self.rcv_timeout = self.snd_timeout = 0
        """Nanoseconds; 0: no limit."""
        self.options: dict[int, int] = {}
        """SO_* options of SOL_SOCKET that were set and are numbers (net/sockopt.py)."""
        self.scm_flags = SCM_PASS_RIGHTS
        """SCM_PASS_*: what control messages it takes, where `may_scm_recv`."""
        self.rd_wait = KeyedQueue(RD_KEY)
        """Woken when there is something to receive or accept, or the state changed, and"""
        self.wr_wait = KeyedQueue(WR_KEY)
        """when there is room to send."""

    # --- operations; raise SysError or a plain Sleep
    def bind(self, task: Any, address: bytes) -> None:
        """Take the name in the sockaddr `address` (0 to 128 bytes, its length unchecked)."""
        raise SysError(EOPNOTSUPP)

    def listen(self, task: Any, backlog: int) -> None:
        """Wait for connections."""
        raise SysError(EOPNOTSUPP)

    def connect(self, task: Any, address: bytes, nonblock: bool) -> None:
        """Connect to, or choose as the default, the sockaddr `address`. After a Sleep it is called again."""
        raise SysError(EOPNOTSUPP)

    def accept(self, task: Any, nonblock: bool) -> SocketFile:
        """The oldest connection, as a new socket."""
        raise SysError(EOPNOTSUPP)

    def getname(self, peer: bool) -> bytes:
        """Its sockaddr, or that of whom it is connected to (ENOTCONN)."""
        raise SysError(EOPNOTSUPP)

    def shutdown(self, how: int) -> None:
        """End directions: RCV_SHUTDOWN, SEND_SHUTDOWN or both."""
        raise SysError(EOPNOTSUPP)

    def sendmsg(self, task: Any, msg: SocketMessage) -> int:
        """Send `msg.iov` from where it stands; how many bytes in all. EPIPE raises SIGPIPE too, by `epipe`."""
        raise SysError(EOPNOTSUPP)

    def recvmsg(self, task: Any, msg: SocketMessage) -> int:
        """Fill `msg.iov`, the name and the control messages; how many bytes in all."""
        raise SysError(EOPNOTSUPP)

    def setsockopt(self, task: Any, level: int, name: int, value: Any, length: int) -> None:
        """An option of another level than SOL_SOCKET; `value` is a UserBuf of `length` bytes."""
        raise SysError(EOPNOTSUPP)

    def getsockopt(self, task: Any, level: int, name: int, room: int) -> bytes:
        """The value of an option of another level than SOL_SOCKET, at most `room` bytes are told."""
        raise SysError(EOPNOTSUPP)

    def option_set(self, name: int, number: int) -> None:
        """An option of SOL_SOCKET is about to be kept in `options`; a family may refuse or take part."""

    def bind_to_device(self, task: Any, name: bytes) -> None:
        """SO_BINDTODEVICE: packets of this device alone, of any if the name is empty."""
        raise SysError(EOPNOTSUPP)

    def bound_device(self) -> bytes:
        """The name of the device it is bound to."""
        return b""

    def get_own_option(self, name: int) -> int:
        """The value of such an option that is a number."""
        raise SysError(ENOPROTOOPT)

    def set_own_option(self, name: int, number: int) -> None:
        """Set an option of SOL_SOCKET that not all families have."""
        raise SysError(ENOPROTOOPT)

    def set_peek_off(self, offset: int) -> None:
        """SO_PEEK_OFF."""
        raise SysError(EOPNOTSUPP)

    def get_peek_off(self) -> int:
        """SO_PEEK_OFF."""
        raise SysError(EOPNOTSUPP)

    def memory(self) -> tuple[int, int]:
        """Bytes that its received and its sent messages count for (SO_MEMINFO, SIOCOUTQ)."""
        return (0, 0)

    @property
    def listening(self) -> bool:
        """Whether it waits for connections (SO_ACCEPTCONN)."""
        return False

    # --- for families
    def take_error(self) -> None:
        """Raise the pending error, once."""
        if self.error:
            error, self.error = self.error, 0
            raise SysError(error)

    def cookie(self, task: Any) -> int:
        """A number that no other socket has (SO_COOKIE)."""
        number: int = self.inode.ino
        return number

    def wake_all(self) -> None:
        """Everybody looks again."""
        self.rd_wait.wake_up_any()
        self.wr_wait.wake_up_any()

    def sock_ioctl(self, task: Any, cmd: int, arg: int) -> int:
        """Requests that any socket takes: about its owner and about devices; ENOTTY for others."""
        if cmd in (FIOSETOWN, SIOCSPGRP, FIOGETOWN, SIOCGPGRP):
            from forkernel.fs.fasync import getown, setown

            if cmd in (FIOSETOWN, SIOCSPGRP):
                setown(task, self, int.from_bytes(task.mm.read(arg, 4), "little", signed=True))
            else:
                task.mm.write(arg, getown(task, self).to_bytes(4, "little", signed=True))
            return 0
        from forkernel.net.dev import dev_ioctl

        return dev_ioctl(task, self.net, cmd, arg)

    # --- as a file
    def read(self, task: Any, count: int) -> bytes:
        """As recv without flags."""
        return self.splice_stream(task, count, bool(self.flags & O_NONBLOCK))

    def splice_stream(self, task: Any, count: int, nonblock: bool) -> bytes:
        """As read, but splice may say not to wait."""
        from forkernel.net.message import KernelIter, SocketMessage

        if not count:
            return b""
        into = KernelIter(room=count)
        msg = SocketMessage(into, 0, nonblock or bool(self.flags & O_NONBLOCK))
        try:
            self.recvmsg(task, msg)
        except Sleep as sleep:
            if self.rcv_timeout or msg.done:
                limit = task.system.clock.monotonic() + self.rcv_timeout if self.rcv_timeout else 0
                raise Sleep(*sleep.queues, resume=SocketRead(self, msg, limit), deadline=limit or None) from None
            raise
        return into.taken()

    def unread(self, data: bytes) -> None:
        """What did not reach the reader's memory is lost, but for streams that can take it back."""

    def write(self, task: Any, data: bytes) -> int:
        """As send without flags; a record of a SOCK_SEQPACKET socket ends with it."""
        from forkernel.net.message import KernelIter, SendCall, SocketMessage

        flags = MSG_EOR if self.kind == SOCK_SEQPACKET else 0
        return SendCall(task, self, SocketMessage(KernelIter(data), flags, bool(self.flags & O_NONBLOCK))).step(task)

    def seek(self, offset: int, whence: int) -> int:
        """ESPIPE."""
        raise SysError(ESPIPE)

    def sleeps_in(self, call: str, *, writing: bool) -> tuple[str, ...]:
        """Where calls on the socket wait, by Linux's names."""
        from forkernel.net.wchan import socket_sleeps_in

        return socket_sleeps_in(self.family, self.kind, call, writing=writing)

    def ioctl(self, task: Any, cmd: int, arg: int) -> int:
        """Requests that any socket takes; a family looks at its own first."""
        return self.sock_ioctl(task, cmd, arg)

    def poll_queues(self) -> tuple[WaitQueue, ...]:
        """Readers' and writers'."""
        return (self.rd_wait, self.wr_wait)

    def charge_to(self, held: int) -> None:
        """Have kernel memory for `held` bytes in its queues, in large steps, until it is released; ENOMEM (Linux:
        sk_wmem_schedule, sk_rmem_schedule).
        """
        if held > self.charged:
            more = held - self.charged + QUEUE_STEP - 1 & -QUEUE_STEP
            self.inode.sb.kmalloc.charge("socket queues", more)
            self.charged += more

    def release(self) -> None:
        """The last descriptor is gone. Families end connections first, then call this."""
        self.inode.sb.kmalloc.uncharge("socket queues", self.charged)
        self.charged = 0
        self.net.put()
        super().release()


class SocketRead(TimedRead):
    """A read asleep that has a time limit, or bytes already: SO_RCVTIMEO, SO_RCVLOWAT."""

    __slots__ = ("msg",)

    def __init__(self, file: SocketFile, msg: SocketMessage, deadline: int) -> None:
        super().__init__(file, deadline, EAGAIN)
        self.msg = msg

    def step(self, task: Any) -> int:
        """Go on; what came so far when the time is over."""
        file, msg = self.file, self.msg
        assert isinstance(file, SocketFile)
        try:
            file.recvmsg(task, msg)
        except Sleep as sleep:
            if not self.deadline or task.system.clock.monotonic() < self.deadline:
                raise Sleep(*sleep.queues, resume=self, deadline=self.deadline or None) from None
            if not msg.done:
                raise SysError(EAGAIN) from None
        return self._hand_over(task)

    def _hand_over(self, task: Any) -> int:
        data: bytes = self.msg.iov.taken()  # type: ignore[union-attr]  # a KernelIter
        task.mm.write(self.addr, data)
        return len(data)

    def interrupted(self, task: Any) -> int:
        """What came, or EINTR with a time limit, a restart without."""
        if self.msg.done:
            return self._hand_over(task)
        from forkernel.net.message import interrupted_code

        return -interrupted_code(bool(self.deadline))


# --- families


def _unix() -> Any:
    from forkernel.net import unix

    return unix


def _inet() -> Any:
    from forkernel.net.inet import af_inet

    return af_inet


def _inet6() -> Any:
    from forkernel.net.inet import af_inet6

    return af_inet6


def _netlink() -> Any:
    from forkernel.net import netlink

    return netlink


FAMILIES: dict[int, Any] = {AF_UNIX: _unix, AF_INET: _inet, AF_INET6: _inet6, AF_NETLINK: _netlink}
"""A function for each family that gives its module, which has `create(task, kind, protocol)` and, where there are
pairs, `socketpair(task, one, two)`."""


def family_of(number: int) -> Any:
    """The module of a family; EAFNOSUPPORT as a kernel built without it."""
    if not 0 <= number < AF_MAX or number not in FAMILIES:
        raise SysError(EAFNOSUPPORT)
    return FAMILIES[number]()


def sock_create(task: Any, family: int, kind: int, protocol: int) -> SocketFile:
    """A new socket of the task's network namespace; EINVAL for a type that there is nowhere (Linux: SOCK_MAX)."""
    if not 0 <= family < AF_MAX:
        raise SysError(EAFNOSUPPORT)
    if not 0 <= kind < SOCK_MAX:
        raise SysError(EINVAL)
    file: SocketFile = family_of(family).create(task, kind, protocol)
    return file


def sock_pair(task: Any, family: int, kind: int, protocol: int) -> tuple[SocketFile, SocketFile]:
    """Two sockets connected to each other; EOPNOTSUPP where the family has no pairs."""
    one = sock_create(task, family, kind, protocol)
    try:
        two = sock_create(task, family, kind, protocol)
    except SysError:
        one.put()
        raise
    join = getattr(family_of(family), "socketpair", None)
    if join is None:
        one.put()
        two.put()
        raise SysError(EOPNOTSUPP)
    join(task, one, two)
    return one, two
