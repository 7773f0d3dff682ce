"""UDP (Linux: net/ipv4/udp.c, net/ipv6/udp.c; udp(7)).

A datagram goes at once to the socket that its destination fits best, to each that fits if it goes to a group or to all.
If nobody has the port, the sender's socket hears of it, as ICMP would tell: a connected one by ECONNREFUSED.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EINVAL, EMSGSIZE, ENOPROTOOPT
from forkernel.abi.inet import (
    AF_INET,
    AF_INET6,
    RTN_BROADCAST,
    SOL_UDP,
    UDP_CORK,
)
from forkernel.abi.socket import MSG_MORE
from forkernel.errors import SysError
from forkernel.net.inet.address import is_any, is_multicast
from forkernel.net.inet.datagram import Datagram, DatagramFile
from forkernel.net.inet.icmp import QUOTED, port_unreachable
from forkernel.net.inet.multicast import device_in, hears_group
from forkernel.net.inet.ports import hash_of, udp_get_port, udp_unhash

if TYPE_CHECKING:
    from forkernel.net.inet.netns import InetNet
    from forkernel.net.message import SocketMessage

MAX_UDP4 = 65535 - 28
MAX_UDP6 = 65535 - 8


class UdpFile(DatagramFile):
    """Linux: struct udp_sock."""

    __slots__ = ("always_cork",)

    family = AF_INET
    wakes_when_ready = True

    def __init__(self, task: Any, net: Any, kind: int, protocol: int = 0) -> None:
        super().__init__(task, net, kind, protocol)
        self.always_cork = False
        """UDP_CORK."""

    def get_port(self, task: Any, port: int) -> None:
        """A port among those of UDP."""
        udp_get_port(self.inet, self, port)

    def unhash(self) -> None:
        """Give it back."""
        udp_unhash(self.inet, self)
        self.lport = 0
        self.bound = False

    def sendmsg(self, task: Any, msg: SocketMessage) -> int:
        """Send a datagram (Linux: udp_sendmsg)."""
        self.autobind(task)
        self.first_checks(msg)
        if self.corked is not None:
            (to, port, scope), pieces = self.corked
        else:
            (to, port, scope), pieces = self.whom(msg), []
        if not port:
            raise SysError(EINVAL)
        chosen, hops = None, None
        if msg.control:
            from forkernel.net.inet.control import send_control

            chosen, hops = send_control(self, msg.control)
        source, kind = self.route(to, scope)
        self.check_send(msg, kind)
        size = msg.iov.left
        if sum(map(len, pieces)) + size > (MAX_UDP4 if len(to) == 4 else MAX_UDP6):
            raise SysError(EMSGSIZE)
        data = msg.take(task.mm, size)
        if msg.flags & MSG_MORE or self.always_cork:
            self.corked = (to, port, scope), [*pieces, data]
            return size
        self.corked = None
        if pieces:
            data = b"".join([*pieces, data])
        packet = self.packet(data, chosen or source, self.lport, to)
        if hops is not None:
            packet.hops = hops
        self.deliver(packet, port, kind)
        return size

    def push_corked(self) -> None:
        """UDP_CORK is off: what waits goes out."""
        if self.corked is not None:
            (to, port, scope), pieces = self.corked
            self.corked = None
            source, kind = self.route(to, scope)
            self.deliver(self.packet(b"".join(pieces), source, self.lport, to), port, kind)

    def deliver(self, packet: Datagram, port: int, kind: int) -> None:
        """Give a datagram to whom it fits."""
        inet, mib = self.inet, self.inet.mib
        four = len(packet.to) == 4
        if four:
            mib.out_datagrams += 1
        else:
            mib.out_datagrams6 += 1
        if not self.count(len(packet.data)):
            return
        if kind == RTN_BROADCAST or is_multicast(packet.to):
            self.deliver_all(packet, port)
            return
        sock = udp_lookup(inet, packet, port)
        if sock is None:
            if four:
                mib.no_ports += 1
            else:
                mib.no_ports6 += 1
            self.count(min(len(packet.data), QUOTED) + 28)
            # the error is for the socket that an answer from there would go to
            hearer = udp_lookup(inet, Datagram(b"", packet.to, port, packet.source), packet.port)
            port_unreachable(inet, hearer, packet, port)
            return
        count_receive(inet, four, sock.queue_rcv(packet))

    def deliver_all(self, packet: Datagram, port: int) -> None:
        """A copy for each that hears the group (Linux: __udp4_lib_mcast_deliver)."""
        if is_multicast(packet.to) and not device_in(self, packet.to):
            return
        for sock in list(self.inet.udp_ports.get(port, ())):
            if udp_score(sock, packet) and (not is_multicast(packet.to) or hears_group(sock, packet.to)):
                copy = Datagram(packet.data, packet.source, packet.port, packet.to)
                copy.hops, copy.tos, copy.stamp = packet.hops, packet.tos, packet.stamp
                count_receive(self.inet, len(packet.to) == 4, sock.queue_rcv(copy))

    def setsockopt(self, task: Any, level: int, name: int, value: Any, length: int) -> None:
        """SOL_UDP, SOL_IP, SOL_IPV6."""
        if level != SOL_UDP:
            super().setsockopt(task, level, name, value, length)
            return
        if length < 4:
            raise SysError(EINVAL)
        if name != UDP_CORK:
            raise SysError(ENOPROTOOPT)
        self.always_cork = value.read(4) != bytes(4)
        if not self.always_cork:
            self.push_corked()

    def getsockopt(self, task: Any, level: int, name: int, room: int) -> bytes:
        """SOL_UDP, SOL_IP, SOL_IPV6."""
        if level != SOL_UDP:
            return super().getsockopt(task, level, name, room)
        if name != UDP_CORK:
            raise SysError(ENOPROTOOPT)
        return int(self.always_cork).to_bytes(4, "little")


class Udp6File(UdpFile):
    """UDP of AF_INET6."""

    __slots__ = ()

    family = AF_INET6


def count_receive(inet: InetNet, four: bool, taken: bool) -> None:
    """Note a datagram that came, or found the buffer full."""
    mib = inet.mib
    if four:
        mib.in_datagrams += taken
        mib.rcvbuf_errors += not taken
    else:
        mib.in_datagrams6 += taken
        mib.rcvbuf_errors6 += not taken


def udp_lookup(inet: InetNet, packet: Datagram, port: int) -> UdpFile | None:
    """The socket that fits best, the latest of equals; of those that share by SO_REUSEPORT the one that the hash of
    both ends says (Linux: __udp4_lib_lookup).
    """
    best: list[UdpFile] = []
    most = 0
    for sock in inet.udp_ports.get(port, ()):
        score = udp_score(sock, packet)
        if score > most:
            best, most = [sock], score
        elif score and score == most:
            best.append(sock)
    if not best:
        return None
    if len(best) > 1 and best[0].reuseport and not best[0].rport:
        group = [sock for sock in best if sock.reuseport]
        key = (packet.to, port, packet.source, packet.port)
        return group[::-1][hash_of(inet, key) * len(group) >> 32]
    return best[0]


def udp_score(sock: UdpFile, packet: Datagram) -> int:
    """How well a socket fits a datagram; 0: not at all (Linux: compute_score)."""
    own, to = sock.rcv_saddr, packet.to
    score = 1
    if len(own) == len(to):
        score += 1
        if not is_any(own):
            if own != to:
                return 0
            score += 4
    elif len(own) == 4 or sock.v6only or not is_any(own):
        return 0
    if sock.rport:
        if sock.daddr != packet.source or sock.rport != packet.port:
            return 0
        score += 8
    return score + (4 if sock.bound_dev else 0)
