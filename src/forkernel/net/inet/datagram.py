"""What sockets have in common that receive packets one by one: UDP, ICMP, raw (Linux: net/core/datagram.c,
net/ipv4/datagram.c).

Life cycle: a protocol's sendmsg finds who gets a packet and calls `queue_rcv` there; `recvmsg` takes the oldest. An
error that comes back is `error`, told once, and with IP_RECVERR also an entry of the error queue (error_queue.py).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EACCES, EAGAIN, EDESTADDRREQ, EINVAL, EMSGSIZE, ENOTCONN, EOPNOTSUPP, EPIPE
from forkernel.abi.inet import RTN_BROADCAST
from forkernel.abi.ioctl import FIONREAD, TIOCOUTQ
from forkernel.abi.poll import IN_MASK, OUT_MASK, POLLERR, POLLHUP, POLLRDHUP, POLLWRBAND
from forkernel.abi.socket import (
    AF_UNSPEC,
    MSG_ERRQUEUE,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    RCV_SHUTDOWN,
    SEND_SHUTDOWN,
    SO_BROADCAST,
)
from forkernel.errors import SysError
from forkernel.net.inet.address import ANY4, ANY6, family_in, is_any, is_multicast, sockaddr
from forkernel.net.inet.af_inet import ADDRESS_LOCK, PORT_LOCK, InetFile
from forkernel.net.inet.multicast import multicast_route
from forkernel.net.inet.route import is_up, route_output
from forkernel.net.socket import RDWR_SHUTDOWN
from forkernel.wait import Sleep

if TYPE_CHECKING:
    from forkernel.net.inet.error_queue import QueuedError
    from forkernel.net.message import SocketMessage

MAX_DATA = 0xFFFF
LINK_ROOM = 31
"""Bytes reserved before the headers for the device's own."""
SMALL_HEAD, SMALL_TRUESIZE = 256, 832
SKB_OVERHEAD = 320  # struct skb_shared_info
SKB_STRUCT = 256  # struct sk_buff
SKB_MAX_ALLOC = 16384 - SKB_OVERHEAD


def truesize(size: int, address: int) -> int:
    """What a packet of `size` bytes counts for, by the length of its addresses (Linux: ip_append_data, __alloc_skb)."""
    room = size + (LINK_ROOM + 28 if address == 4 else LINK_ROOM + 48)
    if room <= SMALL_HEAD:
        return SMALL_TRUESIZE
    if room > SKB_MAX_ALLOC:
        return SMALL_TRUESIZE + size
    bucket = 1024
    while bucket < room + SKB_OVERHEAD:
        bucket *= 2
    return SKB_STRUCT + bucket


class Datagram:
    """A packet that has come (Linux: sk_buff)."""

    __slots__ = ("cost", "data", "hops", "port", "source", "stamp", "to", "tos")

    def __init__(self, data: bytes, source: bytes, port: int, to: bytes) -> None:
        self.data = data
        self.source = source
        self.port = port
        """Of the sender, 0 where there are no ports."""
        self.to = to
        """The address it was sent to."""
        self.cost = 0
        self.hops = 64
        self.tos = 0
        self.stamp = 0
        """CLOCK_REALTIME, ns."""


class DatagramFile(InetFile):
    """A socket whose queue holds packets."""

    __slots__ = ("corked", "drops", "errors", "rcvq", "rmem")

    headers = 28
    """Bytes of IPv4 and protocol headers before the data."""

    def __init__(self, task: Any, net: Any, kind: int, protocol: int = 0) -> None:
        super().__init__(task, net, kind, protocol)
        self.rcvq: deque[Datagram] = deque()
        self.rmem = 0
        """What they cost of the receive buffer."""
        self.drops = 0
        self.errors: deque[QueuedError] | None = None
        """The error queue."""
        self.corked: Any = None
        """Data that waits for more (MSG_MORE): (destination, pieces)."""

    def unbound(self) -> bool:
        """A connected one has an address already."""
        return not self.rport

    # --- connecting
    def connect(self, task: Any, address: bytes, nonblock: bool) -> None:
        """Choose whom it sends to and hears (Linux: __ip4_datagram_connect)."""
        if len(address) < 2:
            raise SysError(EINVAL)
        if family_in(address) == AF_UNSPEC:
            self.disconnect()
            return
        self.autobind(task)
        to, port, scope = self.destination(address, udp=True)
        to = self.instead_of_any(to) if is_any(to) else to
        source, kind = self.route(to, scope)
        if kind == RTN_BROADCAST and not self.options.get(SO_BROADCAST):
            raise SysError(EACCES)
        if is_any(self.rcv_saddr):
            self.rcv_saddr = source
        if is_any(self.saddr):
            self.saddr = source
        self.daddr, self.rport = to, port

    def disconnect(self) -> None:
        """Forget whom, and what connect gave (Linux: __udp_disconnect)."""
        self.rport = 0
        self.daddr = ANY4 if self.family == 2 else ANY6
        if not self.bind_locks & ADDRESS_LOCK:
            self.rcv_saddr = self.saddr = self.daddr
        if not self.bind_locks & PORT_LOCK:
            self.unhash()

    def unhash(self) -> None:
        """Give the port back."""

    def autobind(self, task: Any) -> None:
        """A port, if it has none."""
        if not self.bound:
            self.get_port(task, 0)
            self.bound = True

    def shutdown(self, how: int) -> None:
        """End directions; ENOTCONN (but ended they are)."""
        self.shut |= how
        self.wake_all()
        if not self.connected():
            raise SysError(ENOTCONN)

    # --- sending
    def route(self, to: bytes, scope: int) -> tuple[bytes, int]:
        """Source address and kind of route; ENETUNREACH."""
        own = self.saddr if len(self.saddr) == len(to) else (ANY4 if len(to) == 4 else ANY6)
        if is_multicast(to):
            return multicast_route(self, to, own, scope)
        return route_output(self.net, to, own, scope)

    def whom(self, msg: SocketMessage) -> tuple[bytes, int, int]:
        """Address, port and scope that a message goes to; EDESTADDRREQ, EINVAL."""
        if msg.name is not None:
            to, port, scope = self.destination(msg.name, udp=True)
            return (self.instead_of_any(to) if is_any(to) else to), port, scope
        if not self.connected():
            raise SysError(EDESTADDRREQ)
        return self.daddr, self.rport, 0

    def check_send(self, msg: SocketMessage, kind: int) -> None:
        """EACCES, the pending error, EPIPE."""
        if kind == RTN_BROADCAST and not self.options.get(SO_BROADCAST):
            raise SysError(EACCES)
        self.take_error()
        if self.shut & SEND_SHUTDOWN:
            raise SysError(EPIPE)

    def first_checks(self, msg: SocketMessage) -> None:
        """What is refused before anything is looked at."""
        if msg.iov.left > MAX_DATA:
            raise SysError(EMSGSIZE)
        if msg.flags & MSG_OOB:
            raise SysError(EOPNOTSUPP)

    def packet(self, data: bytes, source: bytes, port: int, to: bytes) -> Datagram:
        """A packet of this socket's, with its time to live and type of service."""
        packet = Datagram(data, source, port, to)
        options = self.ip_options
        if options is not None:
            from forkernel.net.inet.control import fill_header

            fill_header(self, packet)
        packet.stamp = self.net.system.clock.realtime()
        return packet

    def count(self, size: int) -> bool:
        """A packet goes over the device; whether that is up."""
        device = self.net.loopback
        if not is_up(self.net):
            return False
        device.packets += 1
        device.bytes += size + self.headers
        return True

    # --- receiving
    def queue_rcv(self, packet: Datagram) -> bool:
        """Take a packet, if the buffer is not full."""
        cost = packet.cost = truesize(len(packet.data), len(packet.to))
        if self.rmem + cost > self.rcvbuf:
            self.drops += 1
            return False
        try:
            self.charge_to(self.rmem + cost)
        except SysError:
            self.drops += 1
            return False
        self.rmem += cost
        self.rcvq.append(packet)
        self.rd_wait.wake_up()
        if self.f_owner is not None:
            self.async_in()
        return True

    def async_in(self) -> None:
        """SIGIO (O_ASYNC)."""
        from forkernel.net.inet.tcp_urg import sigio

        sigio(self)

    def recvmsg(self, task: Any, msg: SocketMessage) -> int:
        """The oldest packet (Linux: udp_recvmsg)."""
        if msg.flags & MSG_ERRQUEUE:
            from forkernel.net.inet.error_queue import recv_error

            return recv_error(self, task, msg)
        self.take_error()
        if not self.rcvq:
            if msg.nonblock:
                raise SysError(EAGAIN)
            if self.shut & RCV_SHUTDOWN:
                return 0
            raise Sleep(self.rd_wait)
        packet = self.rcvq[0]
        if not msg.flags & MSG_PEEK:
            self.rcvq.popleft()
            self.rmem -= packet.cost
        data = self.shown(packet)
        size = len(data)
        if size > msg.iov.left:
            data = data[: msg.iov.left]
            msg.out_flags |= MSG_TRUNC
        msg.give(task.mm, data)
        msg.name = sockaddr(self.family, packet.source, packet.port)
        if self.ip_options is not None or self.options:
            from forkernel.net.inet.control import recv_control

            recv_control(self, msg, packet)
        return size if msg.flags & MSG_TRUNC else len(data)

    def shown(self, packet: Datagram) -> bytes:
        """What of a packet the program gets."""
        return packet.data

    # --- as a file
    def poll(self, task: Any) -> int:
        """Linux: datagram_poll."""
        shut = self.shut
        mask = OUT_MASK | POLLWRBAND
        if self.error or self.errors:
            mask |= POLLERR
        if shut & RCV_SHUTDOWN:
            mask |= POLLRDHUP | IN_MASK
        if shut == RDWR_SHUTDOWN:
            mask |= POLLHUP
        if self.rcvq:
            mask |= IN_MASK
        return mask

    def ioctl(self, task: Any, cmd: int, arg: int) -> int:
        """FIONREAD: of the next packet. TIOCOUTQ: nothing is ever under way."""
        if cmd == FIONREAD:
            value = len(self.shown(self.rcvq[0])) if self.rcvq else 0
        elif cmd == TIOCOUTQ:
            value = 0
        else:
            return self.inet_ioctl(task, cmd, arg)
        task.mm.write(arg, value.to_bytes(4, "little"))
        return 0

    def memory(self) -> tuple[int, int]:
        """Bytes in the queues, for sock_diag."""
        return self.rmem, 0

    def release(self) -> None:
        """The last descriptor is gone."""
        self.unhash()
        self.rcvq.clear()
        self.rmem = 0
        self.shut = RDWR_SHUTDOWN
        super().release()
