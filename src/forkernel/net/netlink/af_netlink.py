"""The sockets of AF_NETLINK (Linux: net/netlink/af_netlink.c; netlink(7)).

Life cycle: `bind` (or the first send) gives a socket its port number among those of its protocol in the network
namespace; `sendmsg` to port 0 is a request to the kernel, which `netlink_rcv_skb` takes apart and hands to the
protocol's handler, that answers by `deliver`; to another port it goes to that socket. `broadcast` tells all members of
a group what has changed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from forkernel.abi.capability import CAP_NET_ADMIN
from forkernel.abi.errno import (
    EADDRINUSE,
    EAGAIN,
    ECONNREFUSED,
    EINVAL,
    EMSGSIZE,
    ENOBUFS,
    ENODATA,
    ENOPROTOOPT,
    EOPNOTSUPP,
    EPERM,
)
from forkernel.abi.ioctl import FIONREAD, TIOCOUTQ
from forkernel.abi.netlink import (
    NETLINK_ADD_MEMBERSHIP,
    NETLINK_BROADCAST_ERROR,
    NETLINK_CAP_ACK,
    NETLINK_DROP_MEMBERSHIP,
    NETLINK_EXT_ACK,
    NETLINK_GET_STRICT_CHK,
    NETLINK_LIST_MEMBERSHIPS,
    NETLINK_LISTEN_ALL_NSID,
    NETLINK_NO_ENOBUFS,
    NETLINK_PKTINFO,
    NETLINK_ROUTE,
    NETLINK_SOCK_DIAG,
    NETLINK_USERSOCK,
    NLM_F_ACK,
    NLM_F_REQUEST,
    NLMSG_MIN_TYPE,
    SOL_NETLINK,
    Nlmsghdr,
)
from forkernel.abi.poll import IN_MASK, OUT_MASK, POLLERR, POLLWRBAND
from forkernel.abi.socket import (
    AF_NETLINK,
    MSG_CTRUNC,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    RCV_SHUTDOWN,
    SCM_CREDENTIALS,
    SOL_SOCKET,
)
from forkernel.errors import SysError
from forkernel.namespace import cap_capable
from forkernel.net import scm
from forkernel.net.netlink.message import Request, align
from forkernel.net.socket import SCM_PASS_CRED, SocketFile
from forkernel.wait import Sleep

if TYPE_CHECKING:
    from forkernel.net.message import SocketMessage
    from forkernel.net.net_namespace import NetNamespace

FAMILY = AF_NETLINK.to_bytes(2, "little")
SOCKADDR_NL_SIZE = 12
KERNEL_CREDS: scm.Creds = (None, 0, 0)
SKB_OVERHEAD = 768
FLAGS = (
    NETLINK_PKTINFO, NETLINK_BROADCAST_ERROR, NETLINK_NO_ENOBUFS, NETLINK_LISTEN_ALL_NSID, NETLINK_CAP_ACK,
    NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK,
)  # fmt: skip
GROUPS = 32 * 4
"""Highest group number that may be joined."""
AUTO_PORTS = 0x100000000 - 4097
"""Port numbers for processes whose PID is taken, from here down."""


class Datagram:
    """A message in a socket's queue."""

    __slots__ = ("creds", "data", "group", "portid")

    def __init__(self, data: bytes, portid: int, group: int, creds: scm.Creds) -> None:
        self.data = data
        self.portid = portid
        """Of the sender, 0: the kernel."""
        self.group = group
        """It was sent to, 0: to this socket alone."""
        self.creds = creds

    @property
    def cost(self) -> int:
        """What it counts for in SO_RCVBUF."""
        return len(self.data) + SKB_OVERHEAD


class NetlinkFile(SocketFile):
    """Linux: struct netlink_sock."""

    __slots__ = ("bound", "dst_group", "dst_portid", "groups", "nl_flags", "portid", "queue", "rmem")

    family = AF_NETLINK
    may_scm_recv = True

    def __init__(self, task: Any, net: NetNamespace, kind: int, protocol: int) -> None:
        super().__init__(task, net, kind, protocol)
        self.portid = 0
        self.bound = False
        """It has a port number (which may be 0 for no other reason)."""
        self.dst_portid = self.dst_group = 0
        """Where connect said that messages go."""
        self.groups: set[int] = set()
        """Numbers of the groups it is a member of, from 1."""
        self.nl_flags: set[int] = set()
        """Options of SOL_NETLINK that are set."""
        self.queue: deque[Datagram] = deque()
        self.rmem = 0
        """What the queue counts for."""
        if net.netlink is None:
            net.netlink = NetlinkNet()
        net.netlink.sockets[self] = None

    def flag(self, option: int) -> bool:
        """Whether an option is set."""
        return option in self.nl_flags

    # --- addresses
    def autobind(self, task: Any) -> None:
        """Take the process's number as the port, or a free one below zero (Linux: netlink_autobind)."""
        ports = self.net.netlink.ports
        portid = task.group_leader.thread_pid.nr
        if (self.protocol, portid) in ports:
            portid = AUTO_PORTS
            while (self.protocol, portid) in ports:
                portid -= 1
        self.insert(portid)

    def insert(self, portid: int) -> None:
        """Take a port; EADDRINUSE."""
        ports = self.net.netlink.ports
        if (self.protocol, portid) in ports:
            raise SysError(EADDRINUSE)
        ports[self.protocol, portid] = self
        self.portid, self.bound = portid, True

    def bind(self, task: Any, address: bytes) -> None:
        """Take a port, and join the groups of the mask; EINVAL, EPERM."""
        portid, groups = self.parse(address)
        if groups:
            self.need_listen(task)
        if self.bound and portid != self.portid:
            raise SysError(EINVAL)
        if not self.bound:
            self.insert(portid) if portid else self.autobind(task)
        self.groups -= set(range(1, 33))
        self.groups |= {bit + 1 for bit in range(32) if groups >> bit & 1}

    def parse(self, address: bytes) -> tuple[int, int]:
        """Port and group mask of a struct sockaddr_nl; EINVAL."""
        if len(address) < SOCKADDR_NL_SIZE or address[:2] != FAMILY:
            raise SysError(EINVAL)
        return int.from_bytes(address[4:8], "little"), int.from_bytes(address[8:12], "little")

    def need_listen(self, task: Any) -> None:
        """EPERM for who may not join groups of the protocol."""
        if self.protocol == NETLINK_SOCK_DIAG and not cap_capable(task.cred, self.net.user_ns, CAP_NET_ADMIN):
            raise SysError(EPERM)

    def need_send(self, task: Any) -> None:
        """EPERM for who may not send to others than the kernel."""
        if self.protocol != NETLINK_USERSOCK and not cap_capable(task.cred, self.net.user_ns, CAP_NET_ADMIN):
            raise SysError(EPERM)

    def connect(self, task: Any, address: bytes, nonblock: bool) -> None:
        """Choose where messages go; AF_UNSPEC: to the kernel."""
        if len(address) < 2:
            raise SysError(EINVAL)
        if address[:2] == b"\0\0":
            self.dst_portid = self.dst_group = 0
            return
        portid, groups = self.parse(address)
        if portid or groups:
            self.need_send(task)
        if not self.bound:
            self.autobind(task)
        self.dst_portid, self.dst_group = portid, (groups & -groups).bit_length()

    def getname(self, peer: bool) -> bytes:
        """A struct sockaddr_nl."""
        if peer:
            return sockaddr_nl(self.dst_portid, group_mask(self.dst_group))
        mask = sum(1 << group - 1 for group in self.groups if group <= 32)
        return sockaddr_nl(self.portid, mask)

    # --- sending
    def sendmsg(self, task: Any, msg: SocketMessage) -> int:
        """A request to the kernel, or a message to other sockets."""
        if msg.flags & MSG_OOB:
            raise SysError(EOPNOTSUPP)
        if not msg.iov.left:
            raise SysError(ENODATA)
        if msg.control:
            msg.scm = msg.scm or scm.scm_send(task, msg.control)
        portid, group = self.dst_portid, self.dst_group
        if msg.name:
            portid, groups = self.parse(msg.name)
            group = (groups & -groups).bit_length()
            if group or (portid and self.protocol != NETLINK_USERSOCK):
                self.need_send(task)
        if not self.bound:
            self.autobind(task)
        size = msg.iov.left
        if size > self.sndbuf - 32:
            raise SysError(EMSGSIZE)
        data = msg.take(task.mm, size)
        creds = msg.scm.creds if msg.scm is not None and msg.scm.creds is not None else scm.creds_of(task)
        if group:
            broadcast(self.net, self.protocol, group, data, self, creds)
        if portid:
            self.unicast(portid, data, creds, msg.nonblock)
        else:
            netlink_rcv_skb(task, self, data)
        msg.iov.advance(size)
        return size

    def unicast(self, portid: int, data: bytes, creds: scm.Creds, nonblock: bool) -> None:
        """To one other socket; ECONNREFUSED, and it waits while that one's queue is full."""
        other = self.net.netlink.ports.get((self.protocol, portid))
        if other is None or (other.dst_portid and other.dst_portid != self.portid):
            raise SysError(ECONNREFUSED)
        if other.rmem > other.rcvbuf:
            if nonblock:
                raise SysError(EAGAIN)
            raise Sleep(other.wr_wait)
        other.enqueue(Datagram(data, self.portid, 0, creds))

    # --- receiving
    def deliver(self, data: bytes) -> None:
        """An answer of the kernel."""
        self.enqueue(Datagram(data, 0, 0, KERNEL_CREDS))

    def enqueue(self, datagram: Datagram) -> None:
        """Queue a message."""
        self.queue.append(datagram)
        self.rmem += datagram.cost
        self.rd_wait.wake_up()

    def overrun(self) -> None:
        """A message to a group was lost: ENOBUFS, once (Linux: netlink_overrun)."""
        if not self.flag(NETLINK_NO_ENOBUFS):
            self.error = ENOBUFS
            self.rd_wait.wake_up()

    def recvmsg(self, task: Any, msg: SocketMessage) -> int:
        """The next message, cut to the room there is."""
        if msg.flags & MSG_OOB:
            raise SysError(EOPNOTSUPP)
        self.take_error()
        if not self.queue:
            if msg.nonblock:
                raise SysError(EAGAIN)
            if self.shut & RCV_SHUTDOWN:
                return 0
            raise Sleep(self.rd_wait)
        datagram = self.queue[0]
        if not msg.flags & MSG_PEEK:
            self.queue.popleft()
            self.rmem -= datagram.cost
            self.wr_wait.wake_up()
        data = datagram.data[: msg.iov.left]
        if len(data) < len(datagram.data):
            msg.out_flags |= MSG_TRUNC
        msg.give(task.mm, data)
        msg.name = sockaddr_nl(datagram.portid, group_mask(datagram.group))
        self.hand_over(task, msg, datagram)
        return len(datagram.data) if msg.flags & MSG_TRUNC else len(data)

    def hand_over(self, task: Any, msg: SocketMessage, datagram: Datagram) -> None:
        """Control messages: the group, and who sent it."""
        if self.flag(NETLINK_PKTINFO):
            scm.put_cmsg(msg, SOL_NETLINK, NETLINK_PKTINFO, datagram.group.to_bytes(4, "little"))
        if self.scm_flags & SCM_PASS_CRED:
            if msg.control_room:
                scm.put_cmsg(msg, SOL_SOCKET, SCM_CREDENTIALS, scm.ucred_for(task, datagram.creds))
            else:
                msg.out_flags |= MSG_CTRUNC

    # --- options
    def setsockopt(self, task: Any, level: int, name: int, value: Any, length: int) -> None:
        """SOL_NETLINK (netlink(7), "Socket options")."""
        if level != SOL_NETLINK:
            raise SysError(ENOPROTOOPT)
        number = int.from_bytes(value.read(4), "little") if length >= 4 else 0
        if name in (NETLINK_ADD_MEMBERSHIP, NETLINK_DROP_MEMBERSHIP):
            self.need_listen(task)
            if not 1 <= number <= GROUPS:
                raise SysError(EINVAL)
            (self.groups.add if name == NETLINK_ADD_MEMBERSHIP else self.groups.discard)(number)
        elif name in FLAGS:
            (self.nl_flags.add if number else self.nl_flags.discard)(name)
        else:
            raise SysError(ENOPROTOOPT)

    def getsockopt(self, task: Any, level: int, name: int, room: int) -> bytes:
        """SOL_NETLINK."""
        if level != SOL_NETLINK:
            raise SysError(ENOPROTOOPT)
        if name in FLAGS:
            if room < 4:
                raise SysError(EINVAL)
            return int(self.flag(name)).to_bytes(4, "little")
        if name == NETLINK_LIST_MEMBERSHIPS:
            mask = sum(1 << group - 1 for group in self.groups)
            return mask.to_bytes(GROUPS // 8, "little")
        raise SysError(ENOPROTOOPT)

    # --- as a file
    def poll(self, task: Any) -> int:
        """Readable when there is a message; always writable."""
        mask = OUT_MASK | POLLWRBAND
        if self.queue:
            mask |= IN_MASK
        return mask | POLLERR if self.error else mask

    def ioctl(self, task: Any, cmd: int, arg: int) -> int:
        """SIOCINQ: bytes of the next message."""
        if cmd not in (FIONREAD, TIOCOUTQ):
            return self.sock_ioctl(task, cmd, arg)
        value = len(self.queue[0].data) if cmd == FIONREAD and self.queue else 0
        task.mm.write(arg, value.to_bytes(4, "little"))
        return 0

    def memory(self) -> tuple[int, int]:
        """Received messages."""
        return (self.rmem, 0)

    def release(self) -> None:
        """The last descriptor is gone: the port is free."""
        if self.bound:
            del self.net.netlink.ports[self.protocol, self.portid]
        del self.net.netlink.sockets[self]
        self.queue.clear()
        self.wake_all()
        super().release()


class NetlinkNet:
    """Netlink of a network namespace."""

    __slots__ = ("ports", "sockets")

    def __init__(self) -> None:
        self.ports: dict[tuple[int, int], NetlinkFile] = {}
        """By protocol and port number."""
        self.sockets: dict[NetlinkFile, None] = {}


def sockaddr_nl(portid: int, mask: int) -> bytes:
    """struct sockaddr_nl."""
    return FAMILY + bytes(2) + portid.to_bytes(4, "little") + mask.to_bytes(4, "little")


def group_mask(group: int) -> int:
    """The mask with one group, which has room for 32."""
    return 1 << group - 1 if 1 <= group <= 32 else 0


# --- the kernel's side


def _route() -> Callable[[Request], None]:
    from forkernel.net.netlink.rtnetlink import rtnetlink_rcv_msg

    return rtnetlink_rcv_msg


def _sock_diag() -> Callable[[Request], None]:
    from forkernel.net.netlink.sock_diag import sock_diag_rcv_msg

    return sock_diag_rcv_msg


HANDLERS: dict[int, Callable[[], Callable[[Request], None]]] = {NETLINK_ROUTE: _route, NETLINK_SOCK_DIAG: _sock_diag}


def netlink_rcv_skb(task: Any, sock: NetlinkFile, data: bytes) -> None:
    """Requests to the kernel, one after the other; ECONNREFUSED where it does not listen."""
    if sock.protocol not in HANDLERS:
        raise SysError(ECONNREFUSED)
    handler = HANDLERS[sock.protocol]()
    while len(data) >= Nlmsghdr.SIZE:
        size = int.from_bytes(data[:4], "little")
        if size < Nlmsghdr.SIZE or size > len(data):
            return
        request = Request(task, sock, data[:size])
        error: SysError | None = None
        if request.flags & NLM_F_REQUEST and request.kind >= NLMSG_MIN_TYPE:
            try:
                handler(request)
            except SysError as refused:
                error = refused
        if error is not None or (request.flags & NLM_F_ACK and not request.answered):
            request.ack(error)
        data = data[align(size) :]


def broadcast(
    net: NetNamespace, protocol: int, group: int, data: bytes, sender: NetlinkFile | None, creds: scm.Creds
) -> None:
    """A message to all members of a group but the sender; who has no room loses it."""
    if net.netlink is None:
        return
    portid = sender.portid if sender is not None else 0
    for other in list(net.netlink.sockets):
        if other is sender or other.protocol != protocol or group not in other.groups:
            continue
        if other.rmem > other.rcvbuf:
            other.overrun()
        else:
            other.enqueue(Datagram(data, portid, group, creds))


def notify(net: NetNamespace, group: int, message: bytes) -> None:
    """What has changed, to the listeners of NETLINK_ROUTE."""
    broadcast(net, NETLINK_ROUTE, group, message, None, KERNEL_CREDS)
