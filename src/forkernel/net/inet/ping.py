"""Echo sockets: SOCK_DGRAM of ICMP, for programs without CAP_NET_RAW (Linux: net/ipv4/ping.c; icmp(7)).

The port is the identifier of the echoes. What is sent must be an echo request; answers come without headers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EADDRINUSE, EFAULT, EINVAL, EMSGSIZE
from forkernel.abi.inet import (
    AF_INET,
    AF_INET6,
    ICMP_ECHO,
    ICMP_ECHOREPLY,
    ICMPV6_ECHO_REPLY,
    ICMPV6_ECHO_REQUEST,
    IPPROTO_ICMP,
)
from forkernel.errors import SysError
from forkernel.net.inet.datagram import Datagram, DatagramFile
from forkernel.net.inet.icmp import with_checksum
from forkernel.net.inet.raw import ip_deliver, with_checksum6

if TYPE_CHECKING:
    from forkernel.net.inet.netns import InetNet
    from forkernel.net.message import SocketMessage


class PingFile(DatagramFile):
    """An echo socket."""

    __slots__ = ()

    family = AF_INET
    echo = ICMP_ECHO

    def get_port(self, task: Any, port: int) -> None:
        """An identifier."""
        pings = self.inet.pings
        if not port:
            port = self.net.system.rng.randrange(1, 65536)
            while port in pings:
                port = port % 65535 + 1
        elif port in pings:
            raise SysError(EADDRINUSE)
        self.lport = port
        pings[port] = self

    def unhash(self) -> None:
        """Give it back."""
        if self.inet.pings.get(self.lport) is self:
            del self.inet.pings[self.lport]
        self.lport = 0
        self.bound = False

    def connected(self) -> bool:
        """Connected to an address; the port does not count."""
        return any(self.daddr)

    def sendmsg(self, task: Any, msg: SocketMessage) -> int:
        """Send an echo request (Linux: ping_v4_sendmsg)."""
        self.first_checks(msg)
        size = msg.iov.left
        if size < 8:
            raise SysError(EINVAL)
        if size > 65535 - 20:
            raise SysError(EMSGSIZE)
        data = msg.take(task.mm, size)
        if len(data) < size:
            raise SysError(EFAULT)
        if data[0] != self.echo or data[1]:
            raise SysError(EINVAL)
        to, _, scope = self.whom(msg)
        source, kind = self.route(to, scope)
        self.check_send(msg, kind)
        self.autobind(task)
        packet = self.packet(data[:4] + self.lport.to_bytes(2, "big") + data[6:], source, 0, to)
        packet.data = with_checksum(packet.data) if self.family == AF_INET else with_checksum6(packet)
        if self.count(size):
            ip_deliver(self.inet, packet, self.protocol)
        return size


class Ping6File(PingFile):
    """Of ICMPv6."""

    __slots__ = ()

    family = AF_INET6
    echo = ICMPV6_ECHO_REQUEST


def ping_rcv(inet: InetNet, packet: Datagram, protocol: int) -> None:
    """An answer to an echo (Linux: ping_rcv)."""
    data = packet.data
    if len(data) < 8 or data[0] != (ICMP_ECHOREPLY if protocol == IPPROTO_ICMP else ICMPV6_ECHO_REPLY):
        return
    sock = inet.pings.get(int.from_bytes(data[4:6], "big"))
    if sock is not None and sock.protocol == protocol:
        sock.queue_rcv(packet)
